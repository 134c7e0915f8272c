/*
 * Section F is in two files: the cases of area_f_more.c.
 */
#ifndef CONFORMANCE_AREA_F_H
#define CONFORMANCE_AREA_F_H

void case_140(void);
void case_141(void);
void case_142(void);
void case_143(void);
void case_145(void);
void case_146(void);
void case_153(void);
void case_154(void);
void case_155(void);

#endif
