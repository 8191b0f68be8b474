/** shoal host list|show|remove|drain|undrain|expire, shoal health, shoal invite. */
import type { Command } from 'commander';
import { ShoalError } from '../../proto/error.ts';
import { clusterRoutes } from '../../proto/rest/cluster.ts';
import { bytes, printList, printOne } from '../output.ts';
import { online, settingsOf } from './options.ts';

export const hostCommands = (program: Command): void => {
  const host = program.command('host').description('the servers of the cluster');

  online(host.command('list').description('all hosts with their state and load')).action(
    async (_, command: Command) => {
      const { client, format } = settingsOf(command);
      const { hosts } = await (await client()).call(clusterRoutes.listHosts);
      printList(format, hosts, [
        { title: 'NAME', value: (row) => row.name },
        { title: 'STATE', value: (row) => row.state },
        { title: 'ZONE', value: (row) => row.zone },
        { title: 'API', value: (row) => row.apiUrl },
        { title: 'PARTITIONS', value: (row) => row.partitions, right: true },
        { title: 'STORED', value: (row) => row.vitals && bytes(row.vitals.storageUsedBytes), right: true },
        { title: 'SERVERS', value: (row) => row.vitals?.machines, right: true },
        { title: 'HOST ID', value: (row) => row.hostId },
      ]);
    },
  );

  online(host.command('show <host>').description('one host, by name or id')).action(
    async (name: string, _, command: Command) => {
      const { client, format } = settingsOf(command);
      printOne(
        format,
        (await (await client()).call(clusterRoutes.showHost, { params: { host: name } })).host,
      );
    },
  );

  online(host.command('remove <host>').description('take a host out of the cluster for good'))
    .option(
      '--force',
      'also when too few hosts are left to agree on it; data that only lost hosts held is given up',
    )
    .action(async (name: string, options: { force?: boolean }, command: Command) => {
      const { client } = settingsOf(command);
      await (await client()).call(clusterRoutes.removeHost, {
        params: { host: name },
        ...(options.force && { query: { force: 'true' } }),
      });
      process.stderr.write(`${name} is off the roster; its share moves to the others: shoal layout show\n`);
    });

  for (const { verb, drained, says, told } of [
    {
      verb: 'drain',
      drained: true,
      says: 'take no new load on a host and move its share to the others; it serves on',
      told: 'takes no new load, its share moves to the others: shoal layout show',
    },
    { verb: 'undrain', drained: false, says: 'take a drained host back', told: 'is taken back' },
  ])
    online(host.command(`${verb} <host>`).description(says)).action(
      async (name: string, _, command: Command) => {
        const { client } = settingsOf(command);
        await (await client()).call(clusterRoutes.changeHost, { params: { host: name }, json: { drained } });
        process.stderr.write(`${name} ${told}\n`);
      },
    );

  online(host.command('expire <host>').description('let a host in for so long and no longer'))
    .option('--in <seconds>', 'from now on')
    .option('--never', 'until it is removed')
    .action(async (name: string, options: { in?: string; never?: boolean }, command: Command) => {
      const { client } = settingsOf(command);
      if ((options.in === undefined) === (options.never === undefined))
        throw new ShoalError('BAD_REQUEST', 'Cannot set when the host expires: give --in SECONDS or --never');
      const expiresInSeconds = options.in === undefined ? null : Number(options.in);
      await (await client()).call(clusterRoutes.changeHost, {
        params: { host: name },
        json: { expiresInSeconds },
      });
      process.stderr.write(
        expiresInSeconds === null ? `${name} does not expire\n` : `${name} is out in ${expiresInSeconds} s\n`,
      );
    });

  online(program.command('health').description('is everything fully replicated?')).action(
    async (_, command: Command) => {
      const { client, format } = settingsOf(command);
      const { health } = await (await client()).call(clusterRoutes.showHealth);
      if (format === 'json') return printOne(format, health);
      process.stdout.write(
        `${health.status}: ${health.hosts.alive} of ${health.hosts.total} hosts alive, layout ${health.layout.newest}${health.layout.settled ? ' settled' : ' settling'}${health.layout.paused ? ', paused' : ''}\n`,
      );
      for (const finding of health.findings) process.stdout.write(`  ${finding}\n`);
    },
  );

  online(program.command('invite').description('print a one-time token for `shoal join`'))
    .option('--expires <seconds>', 'how long it may be used', '3600')
    .option(
      '--host-expires <seconds>',
      'how long the host that uses it is let in; default: until it is removed',
    )
    .action(async (options: { expires: string; hostExpires?: string }, command: Command) => {
      const { client, format } = settingsOf(command);
      const { invite } = await (await client()).call(clusterRoutes.createInvite, {
        json: {
          expiresInSeconds: Number(options.expires),
          ...(options.hostExpires !== undefined && { hostExpiresInSeconds: Number(options.hostExpires) }),
        },
      });
      if (format === 'json') printOne(format, invite);
      else process.stdout.write(`${invite.token}\n`);
    });
};
