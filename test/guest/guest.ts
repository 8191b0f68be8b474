/**
 * The guest that tests and the demo boot: Debian's cloud kernel, busybox, dropbear and a small metadata client in an
 * image of some 20 MB. It takes host name, keys and user data from its config drive and says so on the serial console:
 *
 *   shoal-guest: metadata from config drive, instance UUID
 *   shoal-guest: key ssh-ed25519 AAAA… comment
 *   shoal-guest: ready 4.71s NAME
 *   shoal-guest: user-data exit 0
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { buildDisk } from './disk.ts';
import { ensureTools, kernelPackage, unpacked } from './packages.ts';
import { buildInitrd, buildRoot, findKernel } from './tree.ts';

const recipe = async (): Promise<string> => {
  const hash = createHash('sha256');
  for (const name of (await readdir(import.meta.dirname, { recursive: true })).sort()) {
    const path = join(import.meta.dirname, name);
    if ((await stat(path)).isFile())
      hash
        .update(name)
        .update('\0')
        .update(await readFile(path));
  }
  return hash.digest('hex').slice(0, 16);
};

/** The image's path. Builds it when the cache has none of this recipe; throws an error that names what is missing. */
export const guestImage = async (tell: (line: string) => void = () => undefined): Promise<string> => {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'shoal', 'guest');
  const image = join(cache, `${await recipe()}.qcow2`);
  if (await stat(image).catch(() => undefined)) return image;
  await ensureTools(tell);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'work-'));
  try {
    const packages = join(cache, 'packages');
    tell('fetching the kernel and busybox');
    const kernel = await findKernel(await unpacked(packages, await kernelPackage()));
    const busybox = await unpacked(packages, 'busybox');
    tell(`building with kernel ${kernel.version}`);
    const root = join(work, 'root');
    await buildRoot(kernel, busybox, root);
    await copyFile(kernel.image, join(root, 'boot/vmlinuz'));
    await buildInitrd(kernel, join(work, 'initrd'), join(root, 'boot/initrd.gz'));
    await buildDisk(root, work, image);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return image;
};
