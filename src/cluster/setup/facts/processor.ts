import type { Cpu } from "./types.js";

/** Reads /proc/cpuinfo (x86). */
export function parseCpuinfo(text: string): Cpu {
  const value = (key: string): string => new RegExp(`^${key}\\s*:\\s*(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
  return {
    count: text.match(/^processor\s*:/gm)?.length ?? 0,
    vendor: value("vendor_id"),
    model: value("model name"),
    flags: new Set(value("flags").split(/\s+/).filter(Boolean)),
  };
}

/** MemTotal of /proc/meminfo in bytes; 0 when it does not tell. */
export function parseMemTotal(text: string): number {
  return Number(/^MemTotal:\s*(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}

/** `ID` and `VERSION_ID` of os-release(5). */
export function parseRelease(text: string): { readonly id: string; readonly version: string } {
  const value = (key: string): string => new RegExp(`^${key}=["']?([^"'\\n]*)["']?$`, "m").exec(text)?.[1] ?? "";
  return { id: value("ID"), version: value("VERSION_ID") };
}

/**
 * libvirt's CPU models, oldest first, with the flags of /proc/cpuinfo that each adds to the one before (QEMU's
 * documentation, "Recommendations for KVM CPU model configuration on x86 hosts").
 */
const MODELS: Readonly<Record<string, readonly (readonly [model: string, adds: readonly string[]])[]>> = {
  GenuineIntel: [
    ["Nehalem", ["ssse3", "cx16", "sse4_1", "sse4_2", "popcnt", "lahf_lm", "nx"]],
    ["Westmere", ["aes"]],
    ["SandyBridge", ["avx", "xsave", "pclmulqdq", "tsc_deadline_timer", "x2apic", "rdtscp"]],
    ["IvyBridge", ["f16c", "rdrand", "fsgsbase", "erms", "smep"]],
    ["Haswell-noTSX", ["avx2", "bmi1", "bmi2", "fma", "movbe", "invpcid"]],
    ["Broadwell-noTSX", ["adx", "rdseed", "3dnowprefetch", "smap"]],
    ["Skylake-Client-noTSX-IBRS", ["xsavec", "xgetbv1", "ibrs"]],
    ["Skylake-Server-noTSX-IBRS", ["avx512f", "avx512dq", "avx512bw", "avx512cd", "avx512vl", "clwb", "pdpe1gb"]],
    ["Cascadelake-Server-noTSX", ["avx512_vnni", "ibrs_enhanced"]],
    ["Icelake-Server-noTSX", ["avx512_vbmi2", "avx512_bitalg", "gfni", "vaes", "la57"]],
  ],
  AuthenticAMD: [
    ["Opteron_G3", ["cx16", "popcnt", "sse4a", "abm", "misalignsse", "lahf_lm", "nx", "rdtscp"]],
    ["EPYC", ["ssse3", "sse4_1", "sse4_2", "aes", "avx", "avx2", "bmi1", "bmi2", "fma", "movbe", "adx", "sha_ni"]],
    ["EPYC-IBPB", ["ibpb"]],
    ["EPYC-Rome", ["clwb", "rdpid", "umip", "wbnoinvd", "xsaveerptr"]],
    ["EPYC-Milan", ["vaes", "vpclmulqdq", "pku", "erms", "fsrm", "invpcid"]],
  ],
};

/** What every x86-64 processor has: guests run anywhere with it, slowly where they would use more. */
const LEAST = "qemu64";

/**
 * The newest CPU model of libvirt that all of the processors have, so that a guest sees the same one on every host.
 */
export function commonCpuModel(cpus: readonly Cpu[]): string {
  const [first] = cpus;
  if (first === undefined || cpus.some((cpu) => cpu.vendor !== first.vendor)) return LEAST;
  let common = LEAST;
  for (const [model, adds] of MODELS[first.vendor] ?? []) {
    if (!cpus.every((cpu) => adds.every((flag) => cpu.flags.has(flag)))) break;
    common = model;
  }
  return common;
}

/** Flags that one of the processors has and another has not. */
export function differentFlags(cpus: readonly Cpu[]): readonly string[] {
  const all = new Set(cpus.flatMap((cpu) => [...cpu.flags]));
  return [...all].filter((flag) => cpus.some((cpu) => !cpu.flags.has(flag))).sort();
}
