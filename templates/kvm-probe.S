# A boot sector that enters 64-bit mode with paging and writes "K" to QEMU's debug port 0xe9.
# src/cluster/libvirt/probe.ts has its first 134 bytes. Made with:
#   as --64 -o probe.o kvm-probe.S && ld -m elf_x86_64 --oformat binary -Ttext 0x7c00 -o probe.bin probe.o
.code16
.globl _start
_start:
  cli
  xor %ax,%ax
  mov %ax,%ds
  mov %ax,%es
  mov %ax,%ss
  mov $0x7000,%sp
  # one page each for PML4, PDPT and PD, identity-mapping the first 2 MiB
  mov $0x1000,%di
  mov $0x3000,%cx
  cld
  rep stosb
  movl $0x2003,0x1000
  movl $0x3003,0x2000
  movl $0x83,0x3000
  mov $0xa0,%eax
  mov %eax,%cr4
  mov $0x1000,%eax
  mov %eax,%cr3
  mov $0xc0000080,%ecx
  rdmsr
  or $0x100,%eax
  wrmsr
  mov %cr0,%eax
  or $0x80000001,%eax
  mov %eax,%cr0
  lgdtw gdtr
  ljmpw $8,$long
.code64
long:
  mov $0x4b,%al
  out %al,$0xe9
  hlt
  jmp long
.align 8
gdt: .quad 0
 .quad 0x00209a0000000000
gdtr: .word 15
 .long gdt
.org 510
.word 0xaa55
