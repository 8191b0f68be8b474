/** shoal image create|list|show|delete. */
import { createReadStream, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { ShoalError } from '../../proto/error.ts';
import type { Client } from '../client.ts';
import { bytes, printList, printOne } from '../output.ts';
import { withProgress } from '../progress.ts';
import { findByNameOrId } from './find.ts';
import { online, settingsOf } from './options.ts';

interface ImageRow {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly visibility: string;
  readonly disk_format: string | null;
  readonly size: number | null;
}

/** All pages: Glance links each to the next. */
export const listImages = async (client: Client): Promise<ImageRow[]> => {
  const images: ImageRow[] = [];
  for (let marker: string | undefined; ; marker = images.at(-1)?.id) {
    const page = await client.json<{ images: ImageRow[]; next?: string }>('image', 'GET', '/v2/images', {
      query: { limit: '100', marker },
    });
    images.push(...page.images);
    if (page.next === undefined) return images;
  }
};

/** A qcow2 says so in its first bytes; all else is taken as raw unless told. */
const formatOf = async (file: string): Promise<string> => {
  await using handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.equals(Buffer.from('QFI\xfb', 'latin1')) ? 'qcow2' : 'raw';
};

export const imageCommands = (program: Command): void => {
  const image = program.command('image').description('disks to boot servers from');

  online(image.command('create <name>').description('make an image of a disk file'))
    .requiredOption('--file <file>', 'the disk')
    .option('--disk-format <format>', 'qcow2 or raw (default: looked up in the file)')
    .option('--public', 'for all projects')
    .action(
      async (
        name: string,
        options: { file: string; diskFormat?: string; public?: boolean },
        command: Command,
      ) => {
        const { client, format } = settingsOf(command);
        const found = statSync(options.file, { throwIfNoEntry: false });
        if (!found?.isFile())
          throw new ShoalError('NOT_FOUND', `Cannot make image "${name}": "${options.file}" is not a file`);
        const api = await client();
        const { id } = await api.json<ImageRow>('image', 'POST', '/v2/images', {
          json: {
            name,
            disk_format: options.diskFormat ?? (await formatOf(options.file)),
            container_format: 'bare',
            ...(options.public && { visibility: 'public' }),
          },
        });
        try {
          await api.fetch('image', 'PUT', `/v2/images/${id}/file`, {
            body: withProgress(name, createReadStream(options.file), found.size),
            headers: { 'content-type': 'application/octet-stream' },
          });
        } catch (error) {
          // An image without its bytes helps nobody; the upload's error is the one to show.
          await api.fetch('image', 'DELETE', `/v2/images/${id}`).catch(() => {});
          throw error;
        }
        printOne(format, await api.json('image', 'GET', `/v2/images/${id}`));
      },
    );

  online(image.command('list').description('all images that the project may use')).action(
    async (_, command: Command) => {
      const { client, format } = settingsOf(command);
      printList(format, await listImages(await client()), [
        { title: 'ID', value: (row) => row.id },
        { title: 'NAME', value: (row) => row.name },
        { title: 'STATUS', value: (row) => row.status },
        { title: 'VISIBILITY', value: (row) => row.visibility },
        { title: 'FORMAT', value: (row) => row.disk_format },
        { title: 'SIZE', value: (row) => row.size && bytes(row.size), right: true },
      ]);
    },
  );

  online(image.command('show <image>').description('one image, by name or id')).action(
    async (wanted: string, _, command: Command) => {
      const { client, format } = settingsOf(command);
      const api = await client();
      const { id } = findByNameOrId('image', await listImages(api), wanted);
      printOne(format, await api.json('image', 'GET', `/v2/images/${id}`));
    },
  );

  online(image.command('delete <image>').description('delete an image, by name or id')).action(
    async (wanted: string, _, command: Command) => {
      const api = await settingsOf(command).client();
      const { id } = findByNameOrId('image', await listImages(api), wanted);
      await api.fetch('image', 'DELETE', `/v2/images/${id}`);
    },
  );
};
