/** A cloud of three hosts as the S3 clients that people use see it, each through another host. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import anyTest, { type TestFn } from 'ava';
import { MiB } from '../../proto/units.ts';
import { run, startCloud, type TestCloud } from './cloud.ts';

const programs = {
  aws: { file: '/usr/bin/aws', from: 'awscli' },
  s3cmd: { file: '/usr/bin/s3cmd', from: 's3cmd' },
  rclone: { file: '/usr/bin/rclone', from: 'rclone' },
  restic: { file: '/usr/bin/restic', from: 'restic' },
} as const;
const absent = Object.values(programs).filter(({ file }) => !existsSync(file));

const test = anyTest as TestFn;
const withClients = absent.length > 0 ? test.serial.skip : test.serial;
if (absent.length > 0)
  console.log(
    `S3 clients: tests are skipped, apt-get install ${absent.map(({ from }) => from).join(' ')} brings what is missing`,
  );

interface Clients {
  readonly cloud: TestCloud;
  readonly key: Record<string, string | undefined>;
  /** Of shoal-1, -2, -3. */
  readonly urls: readonly string[];
}
let clients: Clients;

test.before(async (t) => {
  t.timeout(240_000);
  if (absent.length > 0) return;
  const cloud = await startCloud(3);
  const key = parseEnv(await readFile(join(cloud.directory, 's3.env'), 'utf8')) as Record<string, string>;
  const urls = (await cloud.hosts()).map(({ s3Url }) => s3Url);
  clients = { cloud, key, urls };
});
test.after.always(async (t) => {
  t.timeout(60_000);
  await clients?.cloud.stop();
});

const client = async (
  program: keyof typeof programs,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> => {
  const { cloud, key } = clients;
  const own = { ...key, HOME: cloud.directory, AWS_CA_BUNDLE: undefined, AWS_PAGER: '', ...env };
  const ran = await run(programs[program].file, args, own, cloud.directory);
  if (ran.status !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${ran.status}: ${ran.err}${ran.out}`);
  return ran.out;
};

const aws = (...args: string[]): Promise<string> =>
  client('aws', ['--endpoint-url', clients.urls[0] ?? '', ...args]);
const s3cmd = (...args: string[]): Promise<string> => {
  const host = new URL(clients.urls[1] ?? '').host;
  const { AWS_ACCESS_KEY_ID: access = '', AWS_SECRET_ACCESS_KEY: secret = '' } = clients.key;
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
    RCLONE_CONFIG_S_ENDPOINT: clients.urls[2] ?? '',
  });

const file = (name: string): string => join(clients.cloud.directory, name);

withClients(
  'what one client writes through one host the others read through theirs, in parts and whole',
  async (t) => {
    t.timeout(120_000);
    const bytes = randomBytes(18 * MiB);
    await writeFile(file('big'), bytes);
    await aws('s3', 'mb', 's3://photos');
    // Above 8 MiB this client sends parts.
    await aws('s3', 'cp', '--no-progress', 'big', 's3://photos/dir/big');
    t.regex(await s3cmd('ls', 's3://photos/dir/'), /18874368 +s3:\/\/photos\/dir\/big/);
    await s3cmd('get', 's3://photos/dir/big', 'back-s3cmd');
    t.true((await readFile(file('back-s3cmd'))).equals(bytes));
    await rclone('copyto', 'S:photos/dir/big', 'back-rclone');
    t.true((await readFile(file('back-rclone'))).equals(bytes));
    await s3cmd('put', 'big', 's3://photos/dir/again');
    await s3cmd('cp', 's3://photos/dir/again', 's3://photos/dir/copy');
    const { Contents } = JSON.parse(await aws('s3api', 'list-objects-v2', '--bucket', 'photos')) as {
      Contents: { Key: string; Size: number }[];
    };
    t.deepEqual(
      Contents.map(({ Key, Size }) => [Key, Size]),
      ['dir/again', 'dir/big', 'dir/copy'].map((key) => [key, bytes.length]),
    );
    const swift = await clients.cloud.token('shoal-3');
    const head = await fetch(`${swift.storageUrl}/photos/dir/copy`, {
      headers: { 'x-auth-token': swift.token },
    });
    t.true(Buffer.from(await head.arrayBuffer()).equals(bytes));
  },
);

withClients('a tree is synchronised, checked and purged by rclone', async (t) => {
  t.timeout(120_000);
  await mkdir(file('tree/a/ü b'), { recursive: true });
  for (let number = 0; number < 12; number++)
    await writeFile(file(`tree/a/ü b/${number} +&.txt`), `file ${number}`);
  await rclone('sync', 'tree', 'S:trees/t');
  await rclone('check', 'tree', 'S:trees/t');
  t.is((await rclone('lsf', '-R', '--files-only', 'S:trees')).trim().split('\n').length, 12);
  await rclone('purge', 'S:trees');
  t.notRegex(await rclone('lsd', 'S:'), /trees/);
});

withClients('versions are kept, and deletions undone, through another host', async (t) => {
  t.timeout(120_000);
  await aws('s3', 'mb', 's3://kept');
  await aws(
    's3api',
    'put-bucket-versioning',
    '--bucket',
    'kept',
    '--versioning-configuration',
    'Status=Enabled',
  );
  await writeFile(file('note'), 'first');
  await s3cmd('put', 'note', 's3://kept/note');
  await writeFile(file('note'), 'second');
  await s3cmd('put', 'note', 's3://kept/note');
  await s3cmd('del', 's3://kept/note');
  t.is(await s3cmd('ls', 's3://kept'), '');
  interface Listed {
    readonly Versions: { readonly VersionId: string }[];
    readonly DeleteMarkers: { readonly VersionId: string; readonly IsLatest: boolean }[];
  }
  const { Versions, DeleteMarkers } = JSON.parse(
    await aws('s3api', 'list-object-versions', '--bucket', 'kept'),
  ) as Listed;
  t.is(Versions.length, 2);
  t.is(DeleteMarkers.length, 1);
  await aws(
    's3api',
    'delete-object',
    '--bucket',
    'kept',
    '--key',
    'note',
    '--version-id',
    DeleteMarkers[0]?.VersionId ?? '',
  );
  await s3cmd('get', '--force', 's3://kept/note', 'note-back');
  t.is(await readFile(file('note-back'), 'utf8'), 'second');
});

withClients('restic keeps a repository, and finds it whole', async (t) => {
  t.timeout(120_000);
  const env = {
    RESTIC_PASSWORD: 'reef',
    RESTIC_REPOSITORY: `s3:${clients.urls[1]}/backup`,
    RESTIC_CACHE_DIR: file('restic-cache'),
  };
  await client('restic', ['init'], env);
  await client('restic', ['backup', 'big'], env);
  t.regex(await client('restic', ['check', '--read-data'], env), /no errors were found/);
});

withClients('a host that dies takes nothing with it', async (t) => {
  t.timeout(120_000);
  await clients.cloud.shoalOk('dev', 'kill', 'shoal-2');
  await aws('s3', 'cp', '--no-progress', 's3://photos/dir/big', 'after');
  t.true((await readFile(file('after'))).equals(await readFile(file('big'))));
  await writeFile(file('late'), 'late');
  await rclone('copyto', 'late', 'S:photos/late');
  t.is(await aws('s3', 'cp', 's3://photos/late', '-'), 'late');
});
