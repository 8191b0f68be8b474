/** A bootable disk from a file tree, without root and without a mount: one ext4 partition, GRUB in the gap before it. */
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

/** Root file system; the image in use is some 30 MiB of it. The guest never grows it. */
const rootMiB = 48;
const sectorBytes = 512;
/** The partition starts at 1 MiB; sector 0 is the boot record, GRUB's core gets the rest. */
const gapSectors = 2047;

/** `work` is a scratch folder; `out` appears whole or not at all. */
export const buildDisk = async (tree: string, work: string, out: string): Promise<void> => {
  const root = join(work, 'root.ext4');
  // fakeroot only pretends the owners; what makes the file system runs inside it to see them.
  const script = `chown -R 0:0 "$0" && chown -R 1000:1000 "$0/home/cloud" &&
    chmod 700 "$0/root" "$0/root/.ssh" "$0/home/cloud" "$0/home/cloud/.ssh" &&
    mke2fs -q -t ext4 -L shoal-root -O ^metadata_csum_seed,^orphan_file,^64bit -E lazy_itable_init=0 -m 0 -I 256 -d "$0" "$1" ${rootMiB}M`;
  await run('fakeroot', ['sh', '-c', script, tree, root]);

  const early = join(work, 'early.cfg');
  const core = join(work, 'core.img');
  await writeFile(
    early,
    [
      'set root=(hd0,msdos1)',
      'linux /boot/vmlinuz root=LABEL=shoal-root console=tty0 console=ttyS0 quiet edd=off',
      'initrd /boot/initrd.gz',
      'boot',
      '',
    ].join('\n'),
  );
  const modules = ['biosdisk', 'part_msdos', 'ext2', 'linux'];
  await run('grub-mkimage', [
    '-O',
    'i386-pc',
    '-c',
    early,
    '-p',
    '(hd0,msdos1)/boot/grub',
    '-o',
    core,
    ...modules,
  ]);
  if ((await stat(core)).size > gapSectors * sectorBytes)
    throw new Error('GRUB does not fit before the partition');

  const raw = join(work, 'disk.raw');
  await writeFile(raw, '');
  const disk = await open(raw, 'r+');
  await disk.truncate((rootMiB + 1) * 1024 * 1024);
  await disk.close();
  await run('sh', ['-c', 'printf "label: dos\\n2048,,83,*\\n" | sfdisk -q "$0"', raw]);
  await run('dd', [`if=${root}`, `of=${raw}`, 'bs=1M', 'seek=1', 'conv=notrunc,sparse', 'status=none']);
  const again = await open(raw, 'r+');
  const boot = await readFile('/usr/lib/grub/i386-pc/boot.img');
  // 440 bytes of boot code; what follows is the partition table.
  await again.write(boot, 0, 440, 0);
  const coreBytes = await readFile(core);
  await again.write(coreBytes, 0, coreBytes.length, sectorBytes);
  await again.close();

  const packed = join(work, 'guest.qcow2');
  await run('qemu-img', ['convert', '-O', 'qcow2', '-c', '-o', 'compression_type=zstd', raw, packed]);
  await rename(packed, out);
};
