/** shoal event list [--follow]: what was done, by whom, on every host. */
import type { Command } from 'commander';
import type { Event } from '../../proto/rest/cluster/event.ts';
import { clusterRoutes } from '../../proto/rest/cluster.ts';
import { table } from '../output.ts';
import { online, settingsOf } from './options.ts';

/** One long poll; the server ends it earlier when something happens. */
const followWaitSeconds = 20;

const columns = [
  { title: 'TIME', value: (row: Event) => new Date(row.atMs).toISOString() },
  { title: 'ACTION', value: (row: Event) => row.action },
  { title: 'OUTCOME', value: (row: Event) => row.outcome },
  { title: 'TARGET', value: (row: Event) => row.target },
  { title: 'BY', value: (row: Event) => row.actor?.userName ?? 'agent' },
  { title: 'HOST', value: (row: Event) => row.host.slice(-8) },
];

export const eventCommands = (program: Command): void => {
  online(
    program
      .command('event')
      .description('the journal of all hosts')
      .command('list')
      .description('newest events, oldest first'),
  )
    .option('--limit <count>', 'at most this many', '50')
    .option('--follow', 'go on printing as they come, until Ctrl-C')
    .action(async (options: { limit: string; follow?: boolean }, command: Command) => {
      const { client, format } = settingsOf(command);
      const api = await client();
      const first = await api.call(clusterRoutes.listEvents, { query: { limit: options.limit } });
      if (!options.follow) {
        process.stdout.write(
          `${format === 'json' ? JSON.stringify(first.events, null, 2) : table(first.events, columns)}\n`,
        );
        return;
      }
      const line = (event: Event): string =>
        format === 'json' ? JSON.stringify(event) : columns.map((column) => column.value(event)).join('  ');
      for (
        let page = first;
        ;
        page = await api.call(clusterRoutes.listEvents, {
          query: { after: page.next, waitSeconds: String(followWaitSeconds) },
        })
      )
        for (const event of page.events) process.stdout.write(`${line(event)}\n`);
    });
};
