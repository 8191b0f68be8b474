/**
 * `config.json`: what this host was told when it was made, read at every start. Written last by `init` and `join`:
 * where it stands, the host belongs to a cluster.
 */
import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { asShoalError, ShoalError } from '../../proto/error.ts';
import { writeFileAtomic } from '../base/atomic-file.ts';
import { parseHostPort } from '../peer/address-book.ts';
import { parseSeed } from '../peer/seeds.ts';
import { profiles } from './profiles.ts';

/** Disks of one server. Each read looks in all of them, and each holds a folder of 256. */
const chunkDirectoriesMax = 64;
/** Names of one door, each with a wildcard in somebody's DNS. */
const domainsMax = 16;
/** Receivers of one cloud's events: each is a program that somebody runs. */
const webhooksMax = 64;
/** Any one that is alive is enough. */
const meetingPointsMax = 64;

const Rate = Type.Number({ exclusiveMinimum: 0 });

const HostConfig = Type.Object({
  version: Type.Literal(1),
  hostId: Type.String(),
  name: Type.String(),
  zone: Type.String(),
  /** Where other hosts and clients reach this one. */
  address: Type.String(),
  /** First of five: api, s3, peer, bulk, discovery. */
  port: Type.Integer({ minimum: 1, maximum: 65_531 }),
  capacityBytes: Type.Integer({ minimum: 0 }),
  profile: Type.Union([Type.Literal('lan'), Type.Literal('rehearsal')]),
  region: Type.String(),
  /** Where chunks are kept, one or several, each on a disk of its own. Absent: `chunks` in the data directory. */
  chunkDirectories: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: chunkDirectoriesMax })),
  /** Other hosts, tried besides the addresses known from before: `/ip4/192.0.2.1/tcp/9702/p2p/HOSTID`. */
  seeds: Type.Optional(Type.Array(Type.String(), { maxItems: meetingPointsMax })),
  /** Nodes of a DHT to start from besides those of the other hosts, `host:port`. */
  bootstrap: Type.Optional(Type.Array(Type.String(), { maxItems: meetingPointsMax })),
  /** Host names below which a bucket of S3 may stand: `s3.example.org` for `photos.s3.example.org`. */
  s3Domains: Type.Optional(Type.Array(Type.String(), { maxItems: domainsMax })),
  /** Keep objects encrypted, whether or not their bucket or uploader asks for it. Default false. */
  encryptAtRest: Type.Optional(Type.Boolean()),
  /** Writes a second to the containers of one account, to the objects of one container. */
  rateLimits: Type.Optional(
    Type.Object(
      { account: Type.Optional(Rate), container: Type.Optional(Rate) },
      { additionalProperties: false },
    ),
  ),
  /** Who may be told of changes of objects, by the names that buckets' rules use. The same on all hosts. Default nobody. */
  webhooks: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String({ pattern: '^[\\w.-]{1,64}$' }),
        url: Type.String({ pattern: '^https?://' }),
        /** Sent as `Authorization: Bearer`. */
        token: Type.Optional(Type.String({ minLength: 1 })),
      }),
      { maxItems: webhooksMax },
    ),
  ),
  /** Also look for hosts in hyperswarm's public DHT. Default false: nothing leaves the cluster. */
  publicDht: Type.Optional(Type.Boolean()),
});
export type HostConfig = Static<typeof HostConfig>;

/** What the command line says; each falls back to what fits this machine. */
export interface HostOptions {
  readonly data: string;
  readonly hostName: string | undefined;
  readonly zone: string | undefined;
  readonly address: string | undefined;
  readonly port: string | undefined;
  readonly capacity: string | undefined;
  readonly profile: string | undefined;
  readonly chunks: readonly string[] | undefined;
}

const portDefault = 9700;
/** Left to the system, logs and image caches on the disk that holds the data. */
const diskShareDefault = 0.9;

const fileOf = (directory: string): string => join(directory, 'config.json');

export const hasConfig = (directory: string): boolean => existsSync(fileOf(directory));

const wholeNumber = (option: string, text: string): number => {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new ShoalError('BAD_REQUEST', `Cannot use --${option} ${text}: it takes a whole number`);
};

/** Directories on one disk share its room. */
const freeShare = (directories: readonly string[]): number => {
  const disks = new Map(directories.map((directory) => [statSync(directory).dev, statfsSync(directory)]));
  const free = [...disks.values()].reduce((sum, { bavail, bsize }) => sum + bavail * bsize, 0);
  return Math.floor(free * diskShareDefault);
};

/** They must be there: a folder made in the place of a disk that is not mounted would be filled in its stead. */
const chunkDirectoriesOf = (given: readonly string[]): string[] => {
  const paths = [...new Set(given.map((path) => resolve(path)))];
  if (paths.length > chunkDirectoriesMax)
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot use ${paths.length} directories for chunks: at most ${chunkDirectoriesMax}`,
    );
  for (const path of paths)
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw new ShoalError('BAD_REQUEST', `Cannot use --chunks ${path}: it is no folder, make or mount it`);
  return paths;
};

/** Checks the options before anything is made. Throws BAD_REQUEST. */
export const planConfig = (options: HostOptions): Omit<HostConfig, 'hostId'> => {
  const name = options.hostName ?? hostname();
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/.test(name))
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot name a host ${JSON.stringify(name)}: letters, digits, dots and dashes, 63 at most`,
    );
  const profile = options.profile ?? 'lan';
  if (!(profile in profiles))
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot use --profile ${profile}: it is one of ${Object.keys(profiles).join(', ')}`,
    );
  const chunkDirectories = options.chunks && chunkDirectoriesOf(options.chunks);
  return {
    version: 1,
    name,
    zone: options.zone ?? name,
    address: options.address ?? '127.0.0.1',
    port: options.port === undefined ? portDefault : wholeNumber('port', options.port),
    capacityBytes:
      options.capacity === undefined
        ? freeShare(chunkDirectories ?? [options.data])
        : wholeNumber('capacity', options.capacity),
    profile: profile as keyof typeof profiles,
    region: 'RegionOne',
    ...(chunkDirectories && { chunkDirectories }),
  };
};

export const writeConfig = (directory: string, config: HostConfig): Promise<void> =>
  writeFileAtomic(fileOf(directory), JSON.stringify(config, null, 2));

/** What the schema cannot say. Throws BAD_REQUEST. */
const checkMeetingPoints = ({ seeds = [], bootstrap = [] }: HostConfig): void => {
  for (const seed of seeds) parseSeed(seed);
  for (const node of bootstrap)
    if (!parseHostPort(node))
      throw new ShoalError(
        'BAD_REQUEST',
        `Cannot use bootstrap node ${JSON.stringify(node)}: it has the form HOST:PORT`,
      );
};

export const readConfig = (directory: string): HostConfig => {
  if (!hasConfig(directory))
    throw new ShoalError(
      'NOT_FOUND',
      `Cannot run an agent in ${resolve(directory)}: it belongs to no cluster; shoal init or shoal join makes it one of one`,
    );
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(fileOf(directory), 'utf8'));
  } catch (cause) {
    throw new ShoalError(
      'DAMAGED',
      `Cannot read ${fileOf(directory)}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  if (!Value.Check(HostConfig, found)) {
    const [first] = Value.Errors(HostConfig, found);
    throw new ShoalError(
      'DAMAGED',
      `Cannot read ${fileOf(directory)}: ${first?.instancePath || 'it'} ${first?.message ?? 'is wrong'}`,
    );
  }
  try {
    checkMeetingPoints(found);
  } catch (cause) {
    throw new ShoalError('BAD_REQUEST', `${asShoalError(cause).message} (in ${fileOf(directory)})`, {
      cause,
    });
  }
  return found;
};

/** The five listeners of a host, beside each other so that one number places them all. */
export const portsOf = ({ port }: Pick<HostConfig, 'port'>) => ({
  api: port,
  s3: port + 1,
  peer: port + 2,
  bulk: port + 3,
  discovery: port + 4,
});
