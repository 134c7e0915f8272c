/*
 * Section C is in three files: the cases of area_c_tasks.c.
 */
#ifndef CONFORMANCE_AREA_C_H
#define CONFORMANCE_AREA_C_H

#include "properties.h"

void case_90(void);
void case_91(void);
void case_93(void);
void case_94(void);
void case_95(void);
void case_102(void);
void case_103(void);

#endif
