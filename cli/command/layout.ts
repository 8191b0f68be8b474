/** shoal layout show|plan|history|pause|resume|replicas: which host owns what, was and will. */
import type { Command } from 'commander';
import { ShoalError } from '../../proto/error.ts';
import type { Layout } from '../../proto/rest/cluster/layout.ts';
import { clusterRoutes } from '../../proto/rest/cluster.ts';
import { bytes, duration, printList, printOne } from '../output.ts';
import { online, settingsOf } from './options.ts';

const time = (atMs: number): string => new Date(atMs).toISOString();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const movingLine = ({ moving, settled }: Layout): string | undefined => {
  if (settled) return undefined;
  if (!moving) return 'nothing is being copied now';
  const when = moving.secondsLeft === null ? '' : `, about ${duration(moving.secondsLeft)} at this pace`;
  return `yet to move: about ${Math.round(moving.rowsLeft)} rows, ${bytes(moving.bytesLeft)} of chunks${when}`;
};

const showLayout = async (command: Command): Promise<void> => {
  const { client, format } = settingsOf(command);
  const { layout } = await (await client()).call(clusterRoutes.showLayout);
  if (format === 'json') return printOne(format, layout);
  const wanted = layout.replicasWanted === layout.replicas ? '' : ` of ${layout.replicasWanted} wanted`;
  say(
    `layout ${layout.newest}${layout.settled ? ', settled' : `, settling since ${layout.oldest}`}: ${2 ** layout.partitionBits} partitions, ${layout.replicas}${wanted} replicas`,
  );
  if (layout.paused) say(`paused by ${layout.paused.by} at ${time(layout.paused.atMs)}`);
  const moving = movingLine(layout);
  if (moving) say(moving);
  const progress = new Map(layout.progress.map((entry) => [entry.hostId, entry]));
  printList(format, layout.members, [
    { title: 'NAME', value: (row) => row.name },
    { title: 'ZONE', value: (row) => row.zone },
    { title: 'CAPACITY', value: (row) => bytes(row.capacityBytes), right: true },
    { title: 'PARTITIONS', value: (row) => row.partitions, right: true },
    { title: 'ACK', value: (row) => progress.get(row.hostId)?.ack, right: true },
    { title: 'SYNC', value: (row) => progress.get(row.hostId)?.sync, right: true },
    { title: 'SYNC-ACK', value: (row) => progress.get(row.hostId)?.syncAck, right: true },
  ]);
};

const showPlan = async (command: Command): Promise<void> => {
  const { client, format } = settingsOf(command);
  const { plan } = await (await client()).call(clusterRoutes.planLayout);
  if (format === 'json') return printOne(format, plan);
  const { next, hold, coming } = plan;
  say(next ? `layout ${next.version}: ${next.reason}; ${next.replicas} replicas` : 'no change is due');
  if (hold) say(`held up: ${hold}`);
  for (const { name, change, dueInMs } of coming)
    say(
      change === 'join'
        ? `${name} joins in ${duration(dueInMs / 1_000)}`
        : `${name} is given up in ${duration(dueInMs / 1_000)}`,
    );
  if (!next) return;
  say(
    `to move: ${next.partitionsToMove} partitions, about ${next.rowsToMove} rows and ${bytes(next.bytesToMove)} of chunks`,
  );
  printList(format, next.members, [
    { title: 'NAME', value: (row) => row.name },
    { title: 'PARTITIONS NOW', value: (row) => row.partitionsNow, right: true },
    { title: 'THEN', value: (row) => row.partitions, right: true },
  ]);
};

const showHistory = async (command: Command): Promise<void> => {
  const { client, format } = settingsOf(command);
  const { versions } = await (await client()).call(clusterRoutes.listLayouts);
  printList(format, versions, [
    { title: 'VERSION', value: (row) => row.version, right: true },
    { title: 'LIVE', value: (row) => (row.live ? 'yes' : '') },
    { title: 'TIME', value: (row) => time(row.atMs) },
    { title: 'BY', value: (row) => row.name },
    { title: 'HOSTS', value: (row) => row.hosts, right: true },
    { title: 'REPLICAS', value: (row) => row.replicas, right: true },
    { title: 'REASON', value: (row) => row.reason },
  ]);
};

const change = async (
  command: Command,
  json: { readonly paused?: boolean; readonly replicas?: number },
  told: string,
): Promise<void> => {
  const { client } = settingsOf(command);
  await (await client()).call(clusterRoutes.changeLayout, { json });
  process.stderr.write(`${told}\n`);
};

const replicasOf = (text: string): number => {
  const replicas = Number(text);
  if (Number.isInteger(replicas) && replicas >= 1 && replicas <= 7) return replicas;
  throw new ShoalError('BAD_REQUEST', `Cannot keep "${text}" replicas: it is a whole number from 1 to 7`);
};

export const layoutCommands = (program: Command): void => {
  const layout = program.command('layout').description('which host owns what');
  const verb = (name: string, text: string): Command => online(layout.command(name).description(text));

  verb('show', 'the newest layout and what still moves').action((_, command: Command) => showLayout(command));
  verb('plan', 'what the next layout would be, and what it waits for').action((_, command: Command) =>
    showPlan(command),
  );
  verb('history', 'the layouts before, and why they came').action((_, command: Command) =>
    showHistory(command),
  );
  verb('pause', 'no host joins or leaves the layout, and nothing is copied, until it is resumed').action(
    (_, command: Command) => change(command, { paused: true }, 'The layout is paused: shoal layout resume'),
  );
  verb('resume', 'end a pause').action((_, command: Command) =>
    change(command, { paused: false }, 'The layout goes on'),
  );
  verb('replicas <count>', 'how many copies of everything, as far as there are hosts').action(
    (count: string, _, command: Command) => {
      const replicas = replicasOf(count);
      return change(command, { replicas }, `${replicas} replicas are wanted: shoal layout show`);
    },
  );
};
