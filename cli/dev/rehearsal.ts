/**
 * A rehearsal: a whole cluster as processes on this machine, each host with its own identity, data directory and
 * ports. The folder holds `rehearsal.json`, `clouds.yaml` and a folder a host; nothing outside it is touched.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, statfsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ShoalError } from '../../proto/error.ts';

export interface RehearsalHost {
  readonly name: string;
  readonly dataDir: string;
  /** First of `portsPerHost`: api, s3, peer, bulk, discovery. */
  readonly port: number;
  readonly apiUrl: string;
  readonly s3Url: string;
}

export interface Rehearsal {
  readonly directory: string;
  readonly hosts: readonly RehearsalHost[];
  readonly capacityBytes: number;
}

interface Stored {
  readonly version: 1;
  readonly port: number;
  readonly hosts: number;
  readonly capacityBytes: number;
}

export const address = '127.0.0.1';
const portsPerHost = 10;
/** A machine can hold only so many processes of ~150 MB. */
const hostsMax = 64;
/** All hosts share one disk: together they may fill this part of what is free when the rehearsal is made. */
const diskShare = 0.8;

const fileOf = (directory: string): string => join(directory, 'rehearsal.json');

const describe = (directory: string, { hosts, port, capacityBytes }: Stored): Rehearsal => ({
  directory,
  capacityBytes,
  hosts: Array.from({ length: hosts }, (_, at) => ({
    name: `shoal-${at + 1}`,
    dataDir: join(directory, `shoal-${at + 1}`),
    port: port + at * portsPerHost,
    apiUrl: `http://${address}:${port + at * portsPerHost}`,
    s3Url: `http://${address}:${port + at * portsPerHost + 1}`,
  })),
});

const read = (directory: string): Stored => JSON.parse(readFileSync(fileOf(directory), 'utf8')) as Stored;

export const openRehearsal = (folder: string): Rehearsal => {
  const directory = resolve(folder);
  if (!existsSync(fileOf(directory)))
    throw new ShoalError(
      'NOT_FOUND',
      `Cannot find a rehearsal in "${folder}": shoal dev up --data ${folder} makes one`,
    );
  return describe(directory, read(directory));
};

/** Makes it, or opens it and lets it grow to `hosts`. */
export const ensureRehearsal = (
  folder: string,
  wanted: { readonly hosts: number; readonly port: number },
): Rehearsal => {
  const { hosts, port } = wanted;
  if (!Number.isInteger(hosts) || hosts < 1 || hosts > hostsMax)
    throw new ShoalError('BAD_REQUEST', `Cannot rehearse ${hosts} hosts: --hosts takes 1 to ${hostsMax}`);
  if (!Number.isInteger(port) || port < 1024 || port + hosts * portsPerHost > 65_535)
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot use ports from ${port} on: --port takes 1024 to ${65_535 - hosts * portsPerHost}`,
    );
  const directory = resolve(folder);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const known = existsSync(fileOf(directory)) ? read(directory) : undefined;
  if (known && hosts <= known.hosts) return describe(directory, known);
  const disk = statfsSync(directory);
  const stored: Stored = known
    ? { ...known, hosts }
    : { version: 1, port, hosts, capacityBytes: Math.floor((disk.bavail * disk.bsize * diskShare) / hosts) };
  writeFileSync(`${fileOf(directory)}.new`, JSON.stringify(stored));
  renameSync(`${fileOf(directory)}.new`, fileOf(directory));
  return describe(directory, stored);
};

export const hostNamed = (rehearsal: Rehearsal, name: string): RehearsalHost => {
  const host = rehearsal.hosts.find((candidate) => candidate.name === name);
  if (!host)
    throw new ShoalError(
      'NOT_FOUND',
      `Cannot find host "${name}": this rehearsal has ${rehearsal.hosts.map((known) => known.name).join(', ')}`,
    );
  return host;
};
