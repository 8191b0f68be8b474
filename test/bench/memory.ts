/**
 * What one host of three holds in memory through its API, at its peak: idle, while a large object comes in and goes out, while
 * 16 clients do both at once, while a thousand clients have each asked for it and hardly read, and while as many have each
 * begun to send one and hardly send. Beside what is promised: 150 MB idle, 400 MB under load.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, get, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { MiB } from '../../proto/units.ts';
import { type Cloud, startCloud } from './cloud.ts';
import type { BenchOptions } from './main.ts';
import { printTable, round } from './table.ts';

const objectBytes = 512 * MiB;
const manyBytes = 64 * MiB;
const many = 16;
const slowClients = 1_000;
const sampleMs = 100;
const idleMiBMax = 150;
const loadMiBMax = 400;

/** The most that was held while the work went on. */
const peakDuring = async (cloud: Cloud, work: () => Promise<unknown>): Promise<number> => {
  let peak = 0;
  let isDone = false;
  const watch = (async () => {
    while (!isDone) {
      peak = Math.max(peak, await cloud.memoryMiB());
      await sleep(sampleMs);
    }
  })();
  try {
    await work();
  } finally {
    isDone = true;
    await watch;
  }
  return peak;
};

const upload = async (cloud: Cloud, name: string, bytes = objectBytes): Promise<void> => {
  const put = request(`${cloud.url}/${name}`, {
    method: 'PUT',
    headers: { 'x-auth-token': cloud.token, 'content-length': bytes },
  });
  const answered = once(put, 'response');
  const noise = randomBytes(MiB);
  for (let sent = 0; sent < bytes; sent += MiB) {
    // Every chunk differs, or it would be stored once.
    noise.writeUInt32LE(sent / MiB, 0);
    if (!put.write(Buffer.from(noise))) await once(put, 'drain');
  }
  put.end();
  const [answer] = await answered;
  answer.resume();
  if (answer.statusCode !== 201) throw new Error(`PUT ended with ${answer.statusCode}`);
};

const download = async (cloud: Cloud, name: string, bytes = objectBytes): Promise<void> => {
  const [answer] = await once(
    get(`${cloud.url}/${name}`, { headers: { 'x-auth-token': cloud.token } }),
    'response',
  );
  let length = 0;
  for await (const piece of answer) length += piece.length;
  if (length !== bytes) throw new Error(`GET of ${bytes} bytes gave ${length}`);
};

/** Each `times` one after the other, all at once. */
const together = (work: (index: number) => Promise<void>, times = 3): Promise<unknown> =>
  Promise.all(
    Array.from({ length: many }, async (_, index) => {
      for (let round = 0; round < times; round++) await work(index);
    }),
  );

/** They begin to send an object, a few bytes a second, for so long; then they go away. */
const drip = async (cloud: Cloud, name: string, seconds: number): Promise<void> => {
  const headers = { 'x-auth-token': cloud.token, 'content-length': objectBytes };
  const puts = Array.from({ length: slowClients }, (_, index) =>
    request(`${cloud.url}/${name}${index}`, { method: 'PUT', headers, agent: false }),
  );
  for (const put of puts) put.on('error', () => {}).write(randomBytes(16));
  for (let second = 0; second < seconds; second++) {
    await sleep(1_000);
    for (const put of puts) put.write(randomBytes(16));
  }
  for (const put of puts) put.destroy();
};

/** They ask for the object, read what comes first and then nothing for so long. */
const crawl = async (cloud: Cloud, name: string, seconds: number): Promise<void> => {
  const headers = { 'x-auth-token': cloud.token };
  const asks: ClientRequest[] = [];
  let refused = 0;
  const begun = Array.from({ length: slowClients }, async () => {
    const ask = get(`${cloud.url}/${name}`, { headers, agent: false });
    asks.push(ask);
    ask.on('error', () => {});
    const [answer] = await once(ask, 'response');
    if (answer.statusCode !== 200) refused++;
    answer.on('error', () => {}).once('data', () => answer.pause());
  });
  await Promise.all(begun);
  await sleep(seconds * 1_000);
  for (const ask of asks) ask.destroy();
  if (refused > 0) console.log(`${refused} of ${slowClients} slow clients were refused`);
};

export const benchMemory = async ({ seconds }: BenchOptions): Promise<void> => {
  await using cloud = await startCloud();
  const rows: (string | number)[][] = [];
  const add = (what: string, value: number, limit: number): void => {
    rows.push([what, round(value), limit, `${round((100 * value) / limit)} %`]);
  };
  await cloud.request('PUT', '/memory');
  await sleep(seconds * 1_000);
  add('idle', await cloud.memoryMiB(), idleMiBMax);
  const size = `${objectBytes / MiB} MiB`;
  add(`PUT of ${size}`, await peakDuring(cloud, () => upload(cloud, 'memory/o')), loadMiBMax);
  add(`GET of ${size}`, await peakDuring(cloud, () => download(cloud, 'memory/o')), loadMiBMax);
  const several = `${many} at once of ${manyBytes / MiB} MiB`;
  const puts = () => together((index) => upload(cloud, `memory/${index}`, manyBytes));
  const gets = () => together((index) => download(cloud, `memory/${index}`, manyBytes));
  add(`PUT, ${several}`, await peakDuring(cloud, puts), loadMiBMax);
  add(`GET, ${several}`, await peakDuring(cloud, gets), loadMiBMax);
  const both = () => Promise.all([puts(), gets()]);
  add(`both, ${several}`, await peakDuring(cloud, both), loadMiBMax);
  add(
    `${slowClients} clients that hardly send`,
    await peakDuring(cloud, () => drip(cloud, 'memory/slow', seconds)),
    loadMiBMax,
  );
  const crowd = () => crawl(cloud, 'memory/o', seconds);
  add(`${slowClients} clients that hardly read`, await peakDuring(cloud, crowd), loadMiBMax);
  printTable(['one host of three', 'MiB', 'promised', 'of it'], rows);
};
