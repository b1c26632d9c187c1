/* What the programs need of an emulated Cortex-M board: text to the host, and how deep the stack has been. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>

/* Prints text on the host's console. */
void board_print(const char *text);

/* Prints a number in decimal. */
void board_print_number(size_t number);

/* Fills the memory below the stack with a pattern, so that it shows how far the stack grows from then on. */
void board_stack_paint(void);

/* Bytes of stack, from its top, that have been in use since it was painted. */
size_t board_stack_used(void);

#endif
