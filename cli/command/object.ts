/** shoal object put|get|list|delete. */
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { Client } from '../client.ts';
import { bytes, printList } from '../output.ts';
import { withProgress } from '../progress.ts';
import { online, settingsOf } from './options.ts';

interface ObjectRow {
  readonly name: string;
  readonly bytes: number;
  readonly hash: string;
  readonly last_modified: string;
}
interface ContainerRow {
  readonly name: string;
  readonly count: number;
  readonly bytes: number;
}

/** Swift's largest page. */
const pageRows = 10_000;

const path = (client: Client, container?: string, name?: string): string =>
  [`/v1/AUTH_${client.projectId}`, container, name]
    .filter((part) => part !== undefined)
    .map((part, at) =>
      at === 0
        ? part
        : part
            .split('/')
            .map(encodeURIComponent)
            .join(at === 1 ? '%2F' : '/'),
    )
    .join('/');

async function* pages<Row extends { readonly name: string }>(
  client: Client,
  container: string | undefined,
  prefix?: string,
): AsyncGenerator<Row[]> {
  for (let marker: string | undefined; ; ) {
    const rows: Row[] = await client.json('object', 'GET', path(client, container), {
      query: { format: 'json', limit: String(pageRows), prefix, marker },
    });
    yield rows;
    if (rows.length < pageRows) return;
    marker = rows.at(-1)?.name;
  }
}

const sizeOf = (file: string): number => {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) throw new ShoalError('NOT_FOUND', `Cannot put "${file}": it is not a file`);
  return found.size;
};

export const objectCommands = (program: Command): void => {
  const object = program.command('object').description('stored files');

  online(
    object
      .command('put <container> <file> [name]')
      .description('store a file; the container is made when missing'),
  ).action(async (container: string, file: string, name: string | undefined, _, command: Command) => {
    const client = await settingsOf(command).client();
    const size = sizeOf(file);
    const target = path(client, container, name ?? basename(file));
    const put = (): Promise<Response> =>
      client.fetch('object', 'PUT', target, {
        body: withProgress(file, createReadStream(file), size),
        headers: { 'content-length': String(size) },
      });
    await put().catch(async (error) => {
      if (!hasCode(error, 'NOT_FOUND')) throw error;
      await client.fetch('object', 'PUT', path(client, container));
      await put();
    });
  });

  online(
    object
      .command('get <container> <name> [file]')
      .description('fetch an object into a file, or `-` for standard output'),
  ).action(async (container: string, name: string, file: string | undefined, _, command: Command) => {
    const client = await settingsOf(command).client();
    const response = await client.fetch('object', 'GET', path(client, container, name));
    const body = response.body as AsyncIterable<Uint8Array> | null;
    if (file === '-') return void (await pipeline(body ?? [], process.stdout, { end: false }));
    const target = file ?? basename(name);
    const partial = `${target}.partial-${process.pid}`;
    try {
      await pipeline(
        withProgress(
          target,
          body ?? (async function* () {})(),
          Number(response.headers.get('content-length')),
        ),
        createWriteStream(partial),
      );
      await rename(partial, target);
    } finally {
      await rm(partial, { force: true });
    }
  });

  online(object.command('list [container]').description('the containers, or the objects of one'))
    .option('--prefix <text>', 'only names that start with it')
    .action(async (container: string | undefined, options: { prefix?: string }, command: Command) => {
      const { client, format } = settingsOf(command);
      const api = await client();
      if (container === undefined)
        return printList(
          format,
          (await Array.fromAsync(pages<ContainerRow>(api, undefined, options.prefix))).flat(),
          [
            { title: 'CONTAINER', value: (row) => row.name },
            { title: 'OBJECTS', value: (row) => row.count, right: true },
            { title: 'SIZE', value: (row) => bytes(row.bytes), right: true },
          ],
        );
      printList(format, (await Array.fromAsync(pages<ObjectRow>(api, container, options.prefix))).flat(), [
        { title: 'NAME', value: (row) => row.name },
        { title: 'SIZE', value: (row) => bytes(row.bytes), right: true },
        { title: 'MODIFIED', value: (row) => row.last_modified },
        { title: 'MD5', value: (row) => row.hash },
      ]);
    });

  online(
    object.command('delete <container> [name]').description('delete an object, or a container that is empty'),
  ).action(async (container: string, name: string | undefined, _, command: Command) => {
    const client = await settingsOf(command).client();
    await client.fetch('object', 'DELETE', path(client, container, name));
  });
};
