import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openQemu } from '../../agent/compute/hypervisor/qemu.ts';
import { chooseAccel, probeQemu } from '../../agent/compute/hypervisor/qemu-probe.ts';
import { proveHypervisor } from '../conform/hypervisor.ts';
import { fakeRuntime } from '../fake/http.ts';
import { guestImage } from '../guest/guest.ts';

const programs = await probeQemu('tcg');
const missing = 'refusal' in programs;
if (missing) console.log(`skipped: QEMU is missing here (${programs.refusal})`);

/** Deeper than a unix socket's path may be. */
const deep =
  'a-data-directory-whose-name-goes-on-and-on-well-beyond-what-fits-into-the-path-of-a-unix-socket-on-linux';

const directory = (t: ExecutionContext): string => {
  const root = mkdtempSync(join(tmpdir(), 'shoal-qemu-'));
  const folder = join(root, deep);
  mkdirSync(folder);
  t.teardown(() => {
    // Only what a failed test left: processes by the pid files below this very folder.
    for (const pid of execFileSync('sh', ['-c', 'cat "$0"/*/pid 2>/dev/null || true', folder])
      .toString()
      .split('\n'))
      if (Number(pid) > 1)
        try {
          process.kill(Number(pid), 'SIGKILL');
        } catch {}
    rmSync(root, { recursive: true, force: true });
  });
  return folder;
};

proveHypervisor(missing ? test.skip : test.serial, 'qemu', async () => ({
  open: (folder) => {
    if ('refusal' in programs) throw new Error(programs.refusal);
    return openQemu({ runtime: fakeRuntime(), programs }, { directory: folder });
  },
  directory,
  baseFile: await guestImage(),
}));

test('accelerator: KVM takes a device that opens and a CPU that virtualizes', (t) => {
  const intel = 'flags\t\t: fpu vme vmx sse\n';
  t.is(chooseAccel('auto', { kvmOpens: true, cpuinfo: intel }), 'kvm');
  t.is(chooseAccel('auto', { kvmOpens: true, cpuinfo: 'flags : fpu svm\n' }), 'kvm');
  t.is(chooseAccel('auto', { kvmOpens: true, cpuinfo: 'flags : fpu vmxish\n' }), 'tcg');
  t.is(chooseAccel('auto', { kvmOpens: false, cpuinfo: intel }), 'tcg');
  t.is(chooseAccel('tcg', { kvmOpens: true, cpuinfo: intel }), 'tcg');
  t.deepEqual(chooseAccel('kvm', { kvmOpens: false, cpuinfo: intel }), {
    refusal: 'KVM is asked for but /dev/kvm does not open',
  });
});
