/** The programs with which people keep objects, against one cloud, and trees of files to keep. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { MiB } from '../../proto/units.ts';
import { run, type TestCloud } from './cloud.ts';

const programs = {
  aws: { file: '/usr/bin/aws', from: 'awscli' },
  s3cmd: { file: '/usr/bin/s3cmd', from: 's3cmd' },
  rclone: { file: '/usr/bin/rclone', from: 'rclone' },
  restic: { file: '/usr/bin/restic', from: 'restic' },
  duplicity: { file: '/usr/bin/duplicity', from: 'duplicity' },
  s3fs: { file: '/usr/bin/s3fs', from: 's3fs' },
  // Debian's modules belong to its own Python; another may stand first on the path.
  python3: { file: '/usr/bin/python3', from: 'python3' },
  boto3: { file: '/usr/lib/python3/dist-packages/boto3/__init__.py', from: 'python3-boto3' },
} as const;

/** Debian packages that are not installed. */
export const programsMissing = (): readonly string[] =>
  Object.values(programs).flatMap(({ file, from }) => (existsSync(file) ? [] : [from]));

export const openPrograms = async (cloud: TestCloud) => {
  const key = parseEnv(await readFile(join(cloud.directory, 's3.env'), 'utf8')) as Record<string, string>;
  const urls = (await cloud.hosts()).map(({ s3Url }) => s3Url);
  const file = (name: string): string => join(cloud.directory, name);
  /** Of the S3 of shoal-1, -2, -3. */
  const url = (index: number): string => urls[index] ?? '';
  const client = async (
    program: keyof typeof programs,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<string> => {
    const own = { ...key, HOME: cloud.directory, AWS_CA_BUNDLE: undefined, AWS_PAGER: '', ...env };
    const ran = await run(programs[program].file, args, own, cloud.directory);
    if (ran.status !== 0)
      throw new Error(`${program} ${args.join(' ')} ended with ${ran.status}: ${ran.err}${ran.out}`);
    return ran.out;
  };

  const aws = (...args: string[]): Promise<string> => client('aws', ['--endpoint-url', url(0), ...args]);
  const s3cmd = (...args: string[]): Promise<string> => {
    const host = new URL(url(1)).host;
    const { AWS_ACCESS_KEY_ID: access = '', AWS_SECRET_ACCESS_KEY: secret = '' } = key;
    return client('s3cmd', [
      ...[`--access_key=${access}`, `--secret_key=${secret}`, `--host=${host}`, `--host-bucket=${host}`],
      ...['--no-ssl', '--no-progress', '--config=/dev/null', ...args],
    ]);
  };
  const rclone = (...args: string[]): Promise<string> =>
    client('rclone', args, {
      RCLONE_CONFIG_S_TYPE: 's3',
      RCLONE_CONFIG_S_PROVIDER: 'Other',
      RCLONE_CONFIG_S_ENV_AUTH: 'true',
      RCLONE_CONFIG_S_ENDPOINT: url(2),
    });

  /** Who wants Swift's door finds it through Identity's catalog, at shoal-2. */
  const swiftKey = async (): Promise<Record<string, string>> => {
    const { parse } = await import('yaml');
    const { clouds } = parse(await readFile(file('clouds.yaml'), 'utf8')) as {
      clouds: Record<string, { auth: Record<string, string>; region_name: string }>;
    };
    const { auth, region_name: region } = clouds['shoal-2'] ?? { auth: {}, region_name: '' };
    const words = Object.entries(auth).map(([name, value]) => [`OS_${name.toUpperCase()}`, value]);
    return { ...Object.fromEntries(words), OS_REGION_NAME: region, OS_IDENTITY_API_VERSION: '3' };
  };

  /** Some files in folders, one of them above what these clients send in one piece. */
  const makeTree = async (name: string): Promise<void> => {
    await mkdir(file(`${name}/a/ü b`), { recursive: true });
    for (let number = 0; number < 12; number++)
      await writeFile(file(`${name}/a/ü b/${number} +&.txt`), `file ${number}`);
    await writeFile(file(`${name}/large`), randomBytes(6 * MiB));
  };

  const isSame = async (one: string, other: string): Promise<boolean> => {
    const names = await readdir(file(one), { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile());
    const equal = await Promise.all(
      files.map(async ({ parentPath, name }) => {
        const path = join(parentPath, name);
        const there = path.replace(file(one), file(other));
        return (await readFile(path)).equals(await readFile(there));
      }),
    );
    return equal.length === 13 && equal.every(Boolean);
  };

  return { key, url, file, client, aws, s3cmd, rclone, swiftKey, makeTree, isSame };
};

export type Programs = Awaited<ReturnType<typeof openPrograms>>;
