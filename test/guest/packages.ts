/** The Debian packages that the guest is made of, and those that make it. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

/** Tool packages, each with a file that tells whether it is there. */
export const tools = [
  'busybox-static',
  'dropbear-bin',
  'e2fsprogs',
  'grub-pc-bin',
  'grub-common',
  'qemu-utils',
  'cpio',
  'fakeroot',
  'binutils',
  'fdisk',
] as const;

const isInstalled = (name: string): Promise<boolean> =>
  run('dpkg-query', ['--status', name]).then(
    (status) => /^Status: install ok installed/m.test(status),
    () => false,
  );

const refreshLists = async (): Promise<void> => {
  const lists = await readdir('/var/lib/apt/lists').catch(() => []);
  if (
    process.getuid?.() === 0 &&
    !lists.some((name) => name.endsWith('_Packages') || name.includes('_Packages.'))
  )
    await run('apt-get', ['-qq', 'update']);
};

/** Installs missing ones as root; throws their names otherwise. */
export const ensureTools = async (tell: (line: string) => void): Promise<void> => {
  const found = await Promise.all(tools.map(isInstalled));
  const missing = tools.filter((_, place) => !found[place]);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0)
    throw new Error(`Cannot build the guest: install ${missing.join(' ')} first (apt-get install, as root)`);
  tell(`installing ${missing.join(' ')}`);
  await refreshLists();
  await run('apt-get', ['-qq', 'install', '--no-install-recommends', '-y', ...missing]);
};

/** Downloads a package into the cache once, unpacks it beside it and gives that folder. Needs no root. */
export const unpacked = async (cache: string, name: string): Promise<string> => {
  const folder = join(cache, name);
  if ((await readdir(folder).catch(() => [])).length > 0) return folder;
  const work = `${folder}.${process.pid}`;
  await mkdir(join(work, 'files'), { recursive: true });
  await refreshLists();
  await run('apt-get', ['-qq', 'download', name], { cwd: work });
  const deb = (await readdir(work)).find((file) => file.endsWith('.deb'));
  if (!deb) throw new Error(`Cannot download ${name}: apt-get brought no package`);
  await run('dpkg-deb', ['-x', join(work, deb), join(work, 'files')]);
  // Two builds may race; whoever comes second finds the folder there and drops its own copy.
  await rename(join(work, 'files'), folder).catch(() => undefined);
  await rm(work, { recursive: true, force: true });
  return folder;
};

/** The newest cloud kernel's package: `linux-image-cloud-amd64` only points to it. */
export const kernelPackage = async (): Promise<string> => {
  await refreshLists();
  const depends = await run('apt-cache', ['depends', 'linux-image-cloud-amd64']);
  const name = /Depends: (linux-image-[0-9]\S+)/.exec(depends)?.[1];
  if (!name) throw new Error('Cannot find the kernel package: run apt-get update as root first');
  return name;
};
