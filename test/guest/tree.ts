/** The guest's two file trees: the initial RAM disk that finds the root, and the root itself. */
import { chmod, copyFile, cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { run } from './run.ts';

/** In load order: what a boot disk needs on virtio, SCSI and IDE. */
const bootModules =
  'virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk scsi_common scsi_mod sd_mod virtio_scsi libata ata_piix';
/** Network, randomness, the config drive's CD, the power button. */
const lateModules =
  'failover net_failover virtio_net virtio-rng virtio_balloon virtio_console cdrom sr_mod isofs fat vfat nls_cp437 nls_iso8859-1 button evdev';

const files = join(import.meta.dirname, 'files');

const place = async (name: string, target: string): Promise<void> => {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(join(files, name), target);
  await chmod(target, 0o755);
};

export interface Kernel {
  readonly image: string;
  readonly version: string;
  readonly modules: string;
}

export const findKernel = async (folder: string): Promise<Kernel> => {
  const [version] = await readdir(join(folder, 'lib/modules'));
  if (!version) throw new Error(`Cannot find a kernel in ${folder}`);
  return {
    version,
    image: join(folder, 'boot', `vmlinuz-${version}`),
    modules: join(folder, 'lib/modules', version, 'kernel'),
  };
};

const copyModules = async (
  kernel: Kernel,
  names: string,
  targetOf: (name: string, order: number) => string,
) => {
  const all = await readdir(kernel.modules, { recursive: true });
  for (const [order, name] of names.split(' ').entries()) {
    const path = all.find((file) => basename(file) === `${name}.ko`);
    if (!path) throw new Error(`Cannot find module ${name} in kernel ${kernel.version}`);
    await run('strip', ['--strip-debug', '-o', targetOf(name, order), join(kernel.modules, path)]);
  }
};

/** Debian's static busybox will do here: its crashes are in name look-ups only. */
export const buildInitrd = async (kernel: Kernel, tree: string, out: string): Promise<void> => {
  for (const folder of ['bin', 'dev', 'proc', 'sys', 'root', 'modules'])
    await mkdir(join(tree, folder), { recursive: true });
  await copyFile('/bin/busybox', join(tree, 'bin/busybox'));
  await chmod(join(tree, 'bin/busybox'), 0o755);
  await copyModules(kernel, bootModules, (name, order) => join(tree, 'modules', `${order + 10}-${name}.ko`));
  await place('initrd-init', join(tree, 'init'));
  await run('sh', ['-c', 'find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet | gzip -6n > "$0"', out], {
    cwd: tree,
  });
};

const copyLibraries = async (programs: readonly string[], tree: string): Promise<void> => {
  const listed = await run('ldd', programs);
  const paths = new Set([...listed.matchAll(/=> (\/\S+)/g)].map(([, path]) => path ?? ''));
  for (const path of paths)
    await cp(path, join(tree, 'lib/x86_64-linux-gnu', basename(path)), { dereference: true });
  await mkdir(join(tree, 'lib64'), { recursive: true });
  await cp('/lib64/ld-linux-x86-64.so.2', join(tree, 'lib64/ld-linux-x86-64.so.2'), { dereference: true });
};

/** `busybox`: the unpacked dynamic one, which conflicts with the static package and so is not installed. */
export const buildRoot = async (kernel: Kernel, busybox: string, tree: string): Promise<void> => {
  const folders =
    'bin sbin dev proc sys run tmp mnt boot etc/dropbear root/.ssh home/cloud/.ssh var/log var/lib/cloud usr/bin usr/sbin lib64 lib/x86_64-linux-gnu';
  for (const folder of [...folders.split(' '), `lib/modules/${kernel.version}`])
    await mkdir(join(tree, folder), { recursive: true });
  const program = join(busybox, 'bin/busybox');
  await cp(program, join(tree, 'bin/busybox'));
  const applets = (await run(program, ['--list'])).split('\n').filter((name) => name && name !== 'busybox');
  for (const name of applets) await symlink('busybox', join(tree, 'bin', name));
  for (const name of 'init getty reboot poweroff halt udhcpc ip'.split(' '))
    await symlink('../bin/busybox', join(tree, 'sbin', name));
  const ssh = ['/usr/sbin/dropbear', '/usr/bin/dropbearkey', '/usr/bin/dbclient'];
  for (const path of ssh) await cp(path, join(tree, 'usr/bin', basename(path)));
  await copyLibraries([...ssh, program], tree);
  await copyModules(kernel, lateModules, (name) => join(tree, 'lib/modules', kernel.version, `${name}.ko`));
  for (const name of ['rc', 'cloud', 'udhcpc', 'inittab']) await place(name, join(tree, 'etc', name));
  await place('power-button', join(tree, 'etc/acpi/PWRF/00000080'));
  const texts = {
    passwd: 'root:x:0:0:root:/root:/bin/sh\ncloud:x:1000:1000:cloud:/home/cloud:/bin/sh\n',
    shadow: 'root:*:1::::::\ncloud:*:1::::::\n',
    group: 'root:x:0:\ncloud:x:1000:\n',
    hostname: 'shoal\n',
    'resolv.conf': '',
    'nsswitch.conf': 'passwd: files\n',
    modules: `${lateModules}\n`,
  };
  for (const [name, text] of Object.entries(texts)) await writeFile(join(tree, 'etc', name), text);
  await chmod(join(tree, 'etc/shadow'), 0o600);
};
