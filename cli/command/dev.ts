/** shoal dev up|status|kill|start|down: a whole cluster on this machine, to try and to test. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { killAgent, startAgent, stopAgent } from '../dev/agent-process.ts';
import { ensureRehearsal, hostNamed, openRehearsal, type Rehearsal } from '../dev/rehearsal.ts';
import { bringUp } from '../dev/up.ts';
import { healthOf, statusOf } from '../dev/watch.ts';
import { printList } from '../output.ts';
import { settingsOf } from './options.ts';

const defaultData = 'shoal-data';
const defaultPort = '9700';
const watchMs = 2_000;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const welcome = (rehearsal: Rehearsal): void => {
  const shoal = process.env.npm_lifecycle_event ? 'npm run --silent shoal --' : 'shoal';
  const data = `--data ${rehearsal.directory}`;
  say('');
  say(`shoal is up: ${rehearsal.hosts.length} hosts, everything fully replicated.`);
  for (const host of rehearsal.hosts) say(`  ${host.name}  API and panel ${host.apiUrl}/  S3 ${host.s3Url}`);
  say(`  admin credentials: ${rehearsal.directory}/clouds.yaml, for S3 ${rehearsal.directory}/s3.env`);
  say('Try next:');
  say(`  ${shoal} host list ${data}`);
  say(`  ${shoal} object put demo README.md ${data}`);
  say(
    `  OS_CLIENT_CONFIG_FILE=${rehearsal.directory}/clouds.yaml openstack --os-cloud ${rehearsal.hosts.at(-1)?.name} token issue`,
  );
};

/** One line a change, until Ctrl-C or SIGTERM. */
const watch = async (rehearsal: Rehearsal, stop: AbortSignal): Promise<void> => {
  say('\nCtrl-C stops all hosts; the data stays.');
  let last = '';
  while (!stop.aborted) {
    const health = await healthOf(rehearsal);
    const line = health
      ? `${health.status}: ${health.hosts.alive} of ${health.hosts.total} hosts alive, layout ${health.layout.newest}${health.findings[0] ? `; ${health.findings[0]}` : ''}`
      : 'red: no host answers';
    if (line !== last && !stop.aborted) say(`${new Date().toISOString().slice(11, 19)}  ${line}`);
    last = line;
    await sleep(watchMs, undefined, { signal: stop }).catch(() => {});
  }
};

/** The agents live in sessions of their own, so a Ctrl-C reaches only this process, which then stops them in order. */
const inForeground = async (rehearsal: Rehearsal): Promise<void> => {
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  try {
    await Promise.race([bringUp(rehearsal, say).then(() => welcome(rehearsal)), stopped]);
    await watch(rehearsal, stop.signal);
  } finally {
    say('Stopping ...');
    await takeDown(rehearsal);
    say('Stopped.');
  }
};

const takeDown = async (rehearsal: Rehearsal): Promise<void> => {
  await Promise.all(rehearsal.hosts.map(stopAgent));
};

const onData = (command: Command): Command =>
  command.option('--data <dir>', 'folder of the rehearsal', defaultData);

export const devCommands = (program: Command): void => {
  const dev = program.command('dev').description('rehearse a cluster on this machine');

  onData(dev.command('up').description('start it, made anew when the folder is empty'))
    .option('--hosts <count>', 'how many', '3')
    .option('--port <port>', `first port; ten a host`, defaultPort)
    .option('--detach', 'leave it running in the background')
    .action(async (options: { data: string; hosts: string; port: string; detach?: boolean }) => {
      const rehearsal = ensureRehearsal(options.data, {
        hosts: Number(options.hosts),
        port: Number(options.port),
      });
      if (!options.detach) return inForeground(rehearsal);
      await bringUp(rehearsal, say);
      welcome(rehearsal);
    });

  onData(dev.command('status').description('each host and its process'))
    .option('--output <format>', 'table or json')
    .action(async (options: { data: string }, command: Command) => {
      printList(settingsOf(command).format, await statusOf(openRehearsal(options.data)), [
        { title: 'NAME', value: (row) => row.name },
        { title: 'STATE', value: (row) => row.state },
        { title: 'PID', value: (row) => row.pid, right: true },
        { title: 'API', value: (row) => row.apiUrl },
        { title: 'S3', value: (row) => row.s3Url },
        { title: 'DATA', value: (row) => row.dataDir },
        { title: 'HOST ID', value: (row) => row.hostId },
      ]);
    });

  onData(dev.command('kill <name>').description('SIGKILL one agent, as a power cut would')).action(
    async (name: string, options: { data: string }) =>
      killAgent(hostNamed(openRehearsal(options.data), name)),
  );

  onData(dev.command('start <name>').description('start one agent again')).action(
    async (name: string, options: { data: string }) =>
      startAgent(hostNamed(openRehearsal(options.data), name)),
  );

  onData(dev.command('down').description('stop all agents and their servers; the data stays')).action(
    async (options: { data: string }) => takeDown(openRehearsal(options.data)),
  );
};
