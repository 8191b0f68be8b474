/** shoal server create|list|show|delete|console-log. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ShoalError } from '../../proto/error.ts';
import type { Client } from '../client.ts';
import { printList, printOne } from '../output.ts';
import { findByNameOrId } from './find.ts';
import { listImages } from './image.ts';
import { online, settingsOf } from './options.ts';

interface ServerRow {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly addresses: Readonly<Record<string, readonly { readonly addr: string }[]>>;
  readonly 'OS-EXT-SRV-ATTR:host'?: string | null;
  readonly fault?: { readonly message: string };
}

const pollMs = 500;

const listServers = async (client: Client): Promise<ServerRow[]> => {
  const servers: ServerRow[] = [];
  for (let marker: string | undefined; ; marker = servers.at(-1)?.id) {
    const page = await client.json<{ servers: ServerRow[]; servers_links?: unknown[] }>(
      'compute',
      'GET',
      '/v2.1/servers/detail',
      { query: { marker } },
    );
    servers.push(...page.servers);
    if (!page.servers_links?.length) return servers;
  }
};

const showServer = async (client: Client, id: string): Promise<ServerRow> =>
  (await client.json<{ server: ServerRow }>('compute', 'GET', `/v2.1/servers/${id}`)).server;

const waitForStart = async (client: Client, id: string): Promise<ServerRow> => {
  for (;;) {
    const server = await showServer(client, id);
    if (server.status === 'ERROR')
      throw new ShoalError(
        'NO_CAPACITY',
        `Server "${server.name}" did not start: ${server.fault?.message ?? 'no reason was given'}`,
      );
    if (server.status !== 'BUILD') return server;
    await sleep(pollMs);
  }
};

interface CreateOptions {
  readonly image: string;
  readonly flavor: string;
  readonly keyName?: string;
  readonly userData?: string;
  readonly wait?: boolean;
}

export const serverCommands = (program: Command): void => {
  const server = program.command('server').description('virtual machines');

  online(server.command('create <name>').description('boot a server from an image'))
    .requiredOption('--image <image>', 'name or id')
    .requiredOption('--flavor <flavor>', 'name or id')
    .option('--key-name <name>', 'key pair whose owner may log in')
    .option('--user-data <file>', 'script or cloud-config for its first boot')
    .option('--wait', 'until it runs')
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const { client, format } = settingsOf(command);
      const api = await client();
      const image = findByNameOrId('image', await listImages(api), options.image);
      const { flavors } = await api.json<{ flavors: { id: string; name: string }[] }>(
        'compute',
        'GET',
        '/v2.1/flavors',
      );
      const flavor = findByNameOrId('flavor', flavors, options.flavor);
      const created = await api.json<{ server: { id: string } }>('compute', 'POST', '/v2.1/servers', {
        json: {
          server: {
            name,
            imageRef: image.id,
            flavorRef: flavor.id,
            ...(options.keyName !== undefined && { key_name: options.keyName }),
            ...(options.userData !== undefined && {
              user_data: readFileSync(options.userData).toString('base64'),
            }),
          },
        },
      });
      printOne(format, { ...(await (options.wait ? waitForStart : showServer)(api, created.server.id)) });
    });

  online(server.command('list').description("the project's servers")).action(async (_, command: Command) => {
    const { client, format } = settingsOf(command);
    printList(format, await listServers(await client()), [
      { title: 'ID', value: (row) => row.id },
      { title: 'NAME', value: (row) => row.name },
      { title: 'STATUS', value: (row) => row.status },
      {
        title: 'ADDRESSES',
        value: (row) =>
          Object.values(row.addresses)
            .flat()
            .map((address) => address.addr)
            .join(', '),
      },
      { title: 'HOST', value: (row) => row['OS-EXT-SRV-ATTR:host'] },
    ]);
  });

  const one = async (command: Command, wanted: string): Promise<{ api: Client; found: ServerRow }> => {
    const api = await settingsOf(command).client();
    return { api, found: findByNameOrId('server', await listServers(api), wanted) };
  };

  online(server.command('show <server>').description('one server, by name or id')).action(
    async (wanted: string, _, command: Command) => {
      const { api, found } = await one(command, wanted);
      printOne(settingsOf(command).format, { ...(await showServer(api, found.id)) });
    },
  );

  online(server.command('delete <server>').description('delete a server and its disk')).action(
    async (wanted: string, _, command: Command) => {
      const { api, found } = await one(command, wanted);
      await api.fetch('compute', 'DELETE', `/v2.1/servers/${found.id}`);
    },
  );

  online(server.command('console-log <server>').description('what it wrote to its serial console'))
    .option('--lines <count>', 'only the last so many')
    .action(async (wanted: string, options: { lines?: string }, command: Command) => {
      const { api, found } = await one(command, wanted);
      const { output } = await api.json<{ output: string }>(
        'compute',
        'POST',
        `/v2.1/servers/${found.id}/action`,
        {
          json: {
            'os-getConsoleOutput': options.lines === undefined ? {} : { length: Number(options.lines) },
          },
        },
      );
      process.stdout.write(output);
    });
};
