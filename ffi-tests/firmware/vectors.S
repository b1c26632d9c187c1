/* Inputs and the outputs that they must have, as `bnn test-vectors` wrote them, in flash. */
    .section .rodata.vectors, "a"
    .global digits_inputs, digits_inputs_end, digits_outputs, digits_outputs_end
    .balign 4
digits_inputs:
    .incbin "digits.inputs"
digits_inputs_end:
    .balign 4
digits_outputs:
    .incbin "digits.outputs"
digits_outputs_end:
