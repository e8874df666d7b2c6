// The bytes that lighter carries, see payload.h. The files are found in the include folders.
  .section .rodata

  .global lighter_boot_begin, lighter_boot_end
lighter_boot_begin:
  .incbin "lighter-boot"
lighter_boot_end:

  .global lighter_agent_begin, lighter_agent_end
lighter_agent_begin:
  .incbin "lighter-agent.z"
lighter_agent_end:

  .global lighter_unit_begin, lighter_unit_end
lighter_unit_begin:
  .incbin "lighter-agent.service"
lighter_unit_end:

  .section .note.GNU-stack, "", %progbits
