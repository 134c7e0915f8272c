/*
 * Section B is in two files: the cases of area_b_properties.c.
 */
#ifndef CONFORMANCE_AREA_B_H
#define CONFORMANCE_AREA_B_H

void case_54(void);
void case_55(void);
void case_56(void);
void case_57(void);
void case_58(void);
void case_61(void);
void case_62(void);

#endif
