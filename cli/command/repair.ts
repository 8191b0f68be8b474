/** shoal repair status|run, shoal scrub status|run: what the hosts mend, and how they read over what they hold. */
import type { Command } from 'commander';
import { clusterRoutes } from '../../proto/rest/cluster.ts';
import { bytes, duration, printList, printOne } from '../output.ts';
import { online, settingsOf } from './options.ts';

const percent = (share: number): string => `${Math.floor(share * 100)} %`;
const time = (atMs: number): string => new Date(atMs).toISOString();

const showRepair = async (command: Command): Promise<void> => {
  const { client, format } = settingsOf(command);
  const { hosts } = await (await client()).call(clusterRoutes.showRepair);
  printList(format, hosts, [
    { title: 'NAME', value: (row) => row.name },
    { title: 'MISSING', value: (row) => row.state?.missing, right: true },
    { title: 'DAMAGED', value: (row) => row.state?.damaged, right: true },
    // Most endangered first, as they are mended.
    { title: 'ONE COPY LEFT', value: (row) => row.state?.copies.one, right: true },
    { title: 'NONE FOUND', value: (row) => row.state?.copies.none, right: true },
    { title: 'TO FETCH', value: (row) => row.state && bytes(row.state.bytesLeft), right: true },
    {
      title: 'TIME LEFT',
      value: (row) => row.state && (row.state.secondsLeft === null ? '?' : duration(row.state.secondsLeft)),
      right: true,
    },
    { title: 'MENDED', value: (row) => row.state && bytes(row.state.repairedBytes), right: true },
    { title: 'ROWS TO HEAL', value: (row) => row.state?.rowsToHeal, right: true },
  ]);
};

const showScrub = async (command: Command): Promise<void> => {
  const { client, format } = settingsOf(command);
  const { hosts } = await (await client()).call(clusterRoutes.showScrub);
  printList(format, hosts, [
    { title: 'NAME', value: (row) => row.name },
    {
      title: 'POSITION',
      value: ({ state }) =>
        state && (state.running || state.position > 0 ? percent(state.position) : 'rests'),
      right: true,
    },
    { title: 'READ', value: (row) => row.state && bytes(row.state.bytes), right: true },
    { title: 'RATE', value: (row) => row.state && `${bytes(row.state.bytesPerSecond)}/s`, right: true },
    { title: 'DAMAGED', value: (row) => row.state?.damaged, right: true },
    { title: 'LAST PASS', value: ({ state }) => state?.lastPass && time(state.lastPass.endedAtMs) },
    { title: 'READ THEN', value: ({ state }) => state?.lastPass && bytes(state.lastPass.bytes), right: true },
    { title: 'DAMAGED THEN', value: ({ state }) => state?.lastPass?.damaged, right: true },
  ]);
};

export const repairCommands = (program: Command): void => {
  const nouns = [
    { name: 'repair', about: 'chunks that a host should hold and lacks', show: showRepair, run: 'runRepair' },
    { name: 'scrub', about: 'reading over all chunks to find damage', show: showScrub, run: 'runScrub' },
  ] as const;
  for (const { name, about, show, run } of nouns) {
    const noun = program.command(name).description(about);
    online(noun.command('status').description('how far each host is')).action((_, command: Command) =>
      show(command),
    );
    online(noun.command('run').description('begin now on all hosts')).action(async (_, command: Command) => {
      const { client, format } = settingsOf(command);
      const told = await (await client()).call(clusterRoutes[run]);
      if (format === 'json') printOne(format, told);
      else process.stderr.write(`${told.hosts} hosts begin: shoal ${name} status\n`);
    });
  }
};
