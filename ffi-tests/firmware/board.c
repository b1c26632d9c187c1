/* Start-up of a Cortex-M without an operating system, and semihosting: the host, here an emulator, prints
 * and takes the exit code. Semihosting is described in Arm's "Semihosting for AArch32 and AArch64". */
#include "board.h"

#include <stdint.h>

int main(void);
void reset(void);
static void fault(void);

/* Addresses that the linker script defines. */
extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

/* What a Cortex-M reads first: the stack pointer, then where to go on reset and on faults. */
union vector {
    uint32_t *stack;
    void (*handler)(void);
};
extern const union vector vectors[16];
__attribute__((section(".vectors"), used)) const union vector vectors[16] = {
    {.stack = stack_top}, {.handler = reset}, {.handler = fault}, {.handler = fault}, {.handler = fault},
    {.handler = fault},   {.handler = fault},
};

#define PAINT UINT32_C(0xC5C5C5C5)

/* Asks the host for something. */
static void host(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

/* Ends the program with an exit code: operation SYS_EXIT_EXTENDED, reason ADP_Stopped_ApplicationExit. */
static void leave(uint32_t code)
{
    const uint32_t block[2] = {0x20026, code};
    host(0x20, block);
    for (;;) {
    }
}

void board_print(const char *text)
{
    host(0x04, text); /* SYS_WRITE0 */
}

void board_print_number(size_t number)
{
    char digits[24];
    char *first = digits + sizeof digits;
    *--first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    board_print(first);
}

void board_stack_paint(void)
{
    uint32_t *const own_frame = __builtin_frame_address(0);
    uint32_t *word;
    for (word = bss_end; word < own_frame - 16; word++) {
        *word = PAINT;
    }
}

size_t board_stack_used(void)
{
    const uint32_t *word = bss_end;
    while (word < stack_top && *word == PAINT) {
        word++;
    }
    return (size_t)(stack_top - word) * sizeof *word;
}

static void fault(void)
{
    leave(99);
}

void reset(void)
{
    const uint32_t *from = data_load;
    uint32_t *to;
#ifdef __ARM_FP
    /* Before any instruction of the FPU: full access to coprocessors 10 and 11 (CPACR). */
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    for (to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    for (to = bss_start; to < bss_end; to++) {
        *to = 0;
    }
    leave((uint32_t)main());
}
