/** Can this host run QEMU machines, and how: found once, when the agent starts. */
import { open, readFile } from 'node:fs/promises';
import { qmpTimeoutMs } from '../limits.ts';
import { findProgram, runProgram } from './program.ts';

export type AccelSetting = 'auto' | 'kvm' | 'tcg';

export interface QemuPrograms {
  readonly system: string;
  readonly image: string;
  readonly accel: 'kvm' | 'tcg';
  /** E.g. `7.2.22`. */
  readonly version: string;
}

/** Its text is shown to users and operators. */
export interface Refusal {
  readonly refusal: string;
}

/**
 * KVM needs the device and a CPU that virtualizes. Both are asked for: inside some virtual machines the device opens
 * and makes machines, whose ordinary kernels then hang; there the CPU shows neither vmx nor svm.
 */
export const chooseAccel = (
  wish: AccelSetting,
  host: { readonly kvmOpens: boolean; readonly cpuinfo: string },
): 'kvm' | 'tcg' | Refusal => {
  if (wish === 'tcg') return 'tcg';
  const virtualizes = /^flags\s*:.*\b(vmx|svm)\b/m.test(host.cpuinfo);
  if (host.kvmOpens && virtualizes) return 'kvm';
  if (wish === 'auto') return 'tcg';
  const why = host.kvmOpens ? 'the CPU shows neither vmx nor svm' : '/dev/kvm does not open';
  return { refusal: `KVM is asked for but ${why}` };
};

const opens = async (path: string): Promise<boolean> => {
  try {
    await (await open(path, 'r+')).close();
    return true;
  } catch {
    return false;
  }
};

export const probeQemu = async (wish: AccelSetting): Promise<QemuPrograms | Refusal> => {
  if (process.platform !== 'linux') return { refusal: `machines need Linux, this is ${process.platform}` };
  const [system, image] = await Promise.all([findProgram('qemu-system-x86_64'), findProgram('qemu-img')]);
  const missing = [system ? '' : 'qemu-system-x86_64', image ? '' : 'qemu-img'].filter(Boolean);
  if (!system || !image)
    return { refusal: `${missing.join(' and ')} not found: install qemu-system-x86 and qemu-utils` };
  const accel = chooseAccel(wish, {
    kvmOpens: await opens('/dev/kvm'),
    cpuinfo: await readFile('/proc/cpuinfo', 'utf8').catch(() => ''),
  });
  if (typeof accel !== 'string') return accel;
  const { status, stdout, stderr } = await runProgram(system, ['--version'], { timeoutMs: qmpTimeoutMs });
  const version = /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (status !== 0 || !version)
    return { refusal: `${system} does not run: ${stderr || stdout}`.slice(0, 300) };
  return { system, image, accel, version };
};
