/*
 * Sends itself a fatal signal.
 */
#include <stdlib.h>

int main(void)
{
	abort();
}
