/* SPDX-License-Identifier: Apache-2.0
 *
 * Sends itself a fatal signal.
 */
#include <stdlib.h>

int main(void)
{
	abort();
}
