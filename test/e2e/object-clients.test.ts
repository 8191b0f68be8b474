/** A cloud of three hosts as the clients of S3 and Swift that people use see it, each through another host. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import anyTest, { type TestFn } from 'ava';
import { MiB } from '../../proto/units.ts';
import { walkAwsSdk } from './aws-sdk.ts';
import { eventually, patienceMs, type Ran, run, startCloud, type TestCloud } from './cloud.ts';
import { openPrograms, type Programs, programsMissing } from './object-programs.ts';

const absent = programsMissing();
const test = anyTest as TestFn;
const withClients = absent.length > 0 ? test.serial.skip : test.serial;
if (absent.length > 0)
  console.log(
    `clients of S3 and Swift: tests are skipped, apt-get install ${absent.join(' ')} brings what is missing`,
  );

let cloud: TestCloud;
let use: Programs;

test.before(async (t) => {
  t.timeout(600_000);
  if (absent.length > 0) return;
  cloud = await startCloud(3);
  use = await openPrograms(cloud);
});
test.after.always(async (t) => {
  t.timeout(600_000);
  await cloud?.stop();
});

const must = ({ status, err }: Ran): void => {
  if (status !== 0) throw new Error(err);
};

withClients(
  'what one client writes through one host the others read through theirs, in parts and whole',
  async (t) => {
    t.timeout(600_000);
    const bytes = randomBytes(18 * MiB);
    await writeFile(use.file('big'), bytes);
    await use.aws('s3', 'mb', 's3://photos');
    // Above 8 MiB this client sends parts.
    await use.aws('s3', 'cp', '--no-progress', 'big', 's3://photos/dir/big');
    t.regex(await use.s3cmd('ls', 's3://photos/dir/'), /18874368 +s3:\/\/photos\/dir\/big/);
    await use.s3cmd('get', 's3://photos/dir/big', 'back-s3cmd');
    t.true((await readFile(use.file('back-s3cmd'))).equals(bytes));
    await use.rclone('copyto', 'S:photos/dir/big', 'back-rclone');
    t.true((await readFile(use.file('back-rclone'))).equals(bytes));
    await use.s3cmd('put', 'big', 's3://photos/dir/again');
    await use.s3cmd('cp', 's3://photos/dir/again', 's3://photos/dir/copy');
    const { Contents } = JSON.parse(await use.aws('s3api', 'list-objects-v2', '--bucket', 'photos')) as {
      Contents: { Key: string; Size: number }[];
    };
    t.deepEqual(
      Contents.map(({ Key, Size }) => [Key, Size]),
      ['dir/again', 'dir/big', 'dir/copy'].map((key) => [key, bytes.length]),
    );
    const swift = await cloud.token('shoal-3');
    const head = await fetch(`${swift.storageUrl}/photos/dir/copy`, {
      headers: { 'x-auth-token': swift.token },
    });
    t.true(Buffer.from(await head.arrayBuffer()).equals(bytes));
  },
);

withClients('a tree is synchronised, checked and purged by rclone', async (t) => {
  t.timeout(600_000);
  await use.makeTree('tree');
  await use.rclone('sync', 'tree', 'S:trees/t');
  await use.rclone('check', 'tree', 'S:trees/t');
  t.is((await use.rclone('lsf', '-R', '--files-only', 'S:trees')).trim().split('\n').length, 13);
  await use.rclone('purge', 'S:trees');
  t.notRegex(await use.rclone('lsd', 'S:'), /trees/);
});

withClients('versions are kept, and deletions undone, through another host', async (t) => {
  t.timeout(600_000);
  await use.aws('s3', 'mb', 's3://kept');
  await use.aws(
    's3api',
    'put-bucket-versioning',
    '--bucket',
    'kept',
    '--versioning-configuration',
    'Status=Enabled',
  );
  await writeFile(use.file('note'), 'first');
  await use.s3cmd('put', 'note', 's3://kept/note');
  await writeFile(use.file('note'), 'second');
  await use.s3cmd('put', 'note', 's3://kept/note');
  await use.s3cmd('del', 's3://kept/note');
  t.is(await use.s3cmd('ls', 's3://kept'), '');
  interface Listed {
    readonly Versions: { readonly VersionId: string }[];
    readonly DeleteMarkers: { readonly VersionId: string; readonly IsLatest: boolean }[];
  }
  const { Versions, DeleteMarkers } = JSON.parse(
    await use.aws('s3api', 'list-object-versions', '--bucket', 'kept'),
  ) as Listed;
  t.is(Versions.length, 2);
  t.is(DeleteMarkers.length, 1);
  await use.aws(
    's3api',
    'delete-object',
    '--bucket',
    'kept',
    '--key',
    'note',
    '--version-id',
    DeleteMarkers[0]?.VersionId ?? '',
  );
  await use.s3cmd('get', '--force', 's3://kept/note', 'note-back');
  t.is(await readFile(use.file('note-back'), 'utf8'), 'second');
});

withClients('restic keeps a repository, and finds it whole', async (t) => {
  t.timeout(600_000);
  const env = {
    RESTIC_PASSWORD: 'reef',
    RESTIC_REPOSITORY: `s3:${use.url(1)}/backup`,
    RESTIC_CACHE_DIR: use.file('restic-cache'),
  };
  await use.client('restic', ['init'], env);
  await use.client('restic', ['backup', 'big'], env);
  t.regex(await use.client('restic', ['check', '--read-data'], env), /no errors were found/);
});

withClients('boto3 writes, reads, lists and deletes, in parts and whole', async (t) => {
  t.timeout(600_000);
  const script = fileURLToPath(new URL('use-boto3.py', import.meta.url));
  t.is(await use.client('python3', [script, use.url(0), use.url(1), 'boto']), '');
});

withClients(
  'awscli sends the log of a bucket to another, where what came through each host is told',
  async (t) => {
    t.timeout(600_000);
    const api = (...args: string[]): Promise<string> => use.aws('s3api', ...args);
    for (const bucket of ['logged', 'logs']) await use.aws('s3', 'mb', `s3://${bucket}`);
    const allow = {
      ...{ Effect: 'Allow', Principal: { Service: 'logging.s3.amazonaws.com' }, Action: 's3:PutObject' },
      Resource: 'arn:aws:s3:::logs/logged/*',
      Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::logged' } },
    };
    const policy = JSON.stringify({ Version: '2012-10-17', Statement: [allow] });
    await api('put-bucket-policy', '--bucket', 'logs', '--policy', policy);
    const target = { LoggingEnabled: { TargetBucket: 'logs', TargetPrefix: 'logged/' } };
    const logging = ['--bucket', 'logged', '--bucket-logging-status', JSON.stringify(target)];
    await api('put-bucket-logging', ...logging);
    t.deepEqual(JSON.parse(await api('get-bucket-logging', '--bucket', 'logged')), target);
    for (const host of [0, 1, 2])
      await use.client('aws', [
        ...[
          '--endpoint-url',
          use.url(host),
          's3api',
          'put-object',
          '--bucket',
          'logged',
          '--key',
          `by-${host}`,
        ],
      ]);
    await eventually('lines of three hosts', patienceMs, async () => {
      await use.aws('s3', 'sync', '--no-progress', 's3://logs/logged', 'log-objects');
      const names = await readdir(use.file('log-objects'));
      const bodies = await Promise.all(
        names.map((name) => readFile(use.file(`log-objects/${name}`), 'utf8')),
      );
      return [0, 1, 2].every((host) => bodies.join('').includes(` REST.PUT.OBJECT by-${host} `));
    });
  },
);

withClients('Amazon’s SDK for JavaScript finds its checksums, parts, pages and errors', async (t) => {
  t.timeout(600_000);
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = use.key;
  await walkAwsSdk(t, {
    urls: [use.url(2), use.url(0)],
    key: { accessKeyId, secretAccessKey },
    bucket: 'sdk',
  });
});

const withFuse = existsSync('/dev/fuse') ? withClients : test.serial.skip;
if (!existsSync('/dev/fuse')) console.log('s3fs: its test is skipped, there is no /dev/fuse on this machine');

withFuse(
  'a bucket is a folder by s3fs: what is written there is in the bucket, and renamed and removed',
  async (t) => {
    t.timeout(600_000);
    await use.aws('s3', 'mb', 's3://folder');
    await mkdir(use.file('mount'));
    const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = use.key;
    await writeFile(use.file('s3fs-key'), `${access}:${secret}`, { mode: 0o600 });
    const options = `url=${use.url(1)},use_path_request_style,passwd_file=${use.file('s3fs-key')},multipart_size=5`;
    await use.client('s3fs', ['folder', use.file('mount'), '-o', options]);
    try {
      await use.makeTree('for-mount');
      await cp(use.file('for-mount'), use.file('mount/tree'), { recursive: true });
      t.true(await use.isSame('for-mount', 'mount/tree'));
      await use.rclone('copy', 'S:folder/tree', 'from-mount');
      t.true(await use.isSame('for-mount', 'from-mount'));
      must(await run('/bin/mv', [use.file('mount/tree/large'), use.file('mount/tree/renamed')]));
      must(await run('/bin/rm', ['-r', use.file('mount/tree/a')]));
      t.deepEqual((await readdir(use.file('mount/tree'))).sort(), ['renamed']);
      t.is((await use.rclone('lsf', '-R', '--files-only', 'S:folder')).trim(), 'tree/renamed');
    } finally {
      must(await run('/bin/fusermount', ['-u', use.file('mount')]));
    }
  },
);

withClients(
  'duplicity backs up, backs up what changed, and restores both through another host',
  async (t) => {
    t.timeout(600_000);
    await use.makeTree('for-duplicity');
    await use.aws('s3', 'mb', 's3://duplicity');
    const duplicity = (host: number, archive: string, command: string, ...paths: string[]): Promise<string> =>
      use.client('duplicity', [
        ...[command, '--no-encryption', '--volsize', '2', '--archive-dir', use.file(archive)],
        ...['--s3-endpoint-url', use.url(host), '--s3-region-name', 'us-east-1', ...paths],
      ]);
    await duplicity(0, 'archive', 'full', 'for-duplicity', 'boto3+s3://duplicity/d');
    await writeFile(use.file('for-duplicity/a/ü b/0 +&.txt'), 'changed');
    await duplicity(1, 'archive', 'incremental', 'for-duplicity', 'boto3+s3://duplicity/d');
    await duplicity(2, 'no-archive', 'restore', 'boto3+s3://duplicity/d', 'from-duplicity');
    t.true(await use.isSame('for-duplicity', 'from-duplicity'));
  },
);

withClients('rclone keeps a tree at Swift’s door, with segments, and S3’s shows it', async (t) => {
  t.timeout(600_000);
  await use.makeTree('for-swift');
  const env = {
    ...(await use.swiftKey()),
    RCLONE_CONFIG_W_TYPE: 'swift',
    RCLONE_CONFIG_W_ENV_AUTH: 'true',
    RCLONE_CONFIG_W_CHUNK_SIZE: '5M',
  };
  const swift = (...args: string[]): Promise<string> => use.client('rclone', args, env);
  await swift('sync', 'for-swift', 'W:swiftly/t');
  await swift('check', '--download', 'for-swift', 'W:swiftly/t');
  await use.rclone('copy', 'S:swiftly/t', 'from-swift');
  t.true(await use.isSame('for-swift', 'from-swift'));
  await swift('purge', 'W:swiftly');
  t.notRegex(await use.rclone('lsd', 'S:'), /swiftly$/m);
});

withClients('restic keeps a repository at Swift’s door, restores from it and tidies it', async (t) => {
  t.timeout(600_000);
  await use.makeTree('for-restic');
  const env = {
    ...(await use.swiftKey()),
    RESTIC_PASSWORD: 'reef',
    RESTIC_REPOSITORY: 'swift:swift-backup:/',
    RESTIC_CACHE_DIR: use.file('restic-cache'),
  };
  await use.client('restic', ['init'], env);
  await use.client('restic', ['backup', 'for-restic'], env);
  t.regex(await use.client('restic', ['check', '--read-data'], env), /no errors were found/);
  await use.client('restic', ['restore', 'latest', '--target', use.file('from-restic')], env);
  t.true(await use.isSame('for-restic', 'from-restic/for-restic'));
  await writeFile(use.file('for-restic/large'), 'small now');
  await use.client('restic', ['backup', 'for-restic'], env);
  await use.client('restic', ['forget', '--keep-last', '1', '--prune'], env);
  t.regex(await use.client('restic', ['check', '--read-data'], env), /no errors were found/);
});

withClients('a host that dies takes nothing with it', async (t) => {
  t.timeout(600_000);
  await cloud.shoalOk('dev', 'kill', 'shoal-2');
  await use.aws('s3', 'cp', '--no-progress', 's3://photos/dir/big', 'after');
  t.true((await readFile(use.file('after'))).equals(await readFile(use.file('big'))));
  await writeFile(use.file('late'), 'late');
  await use.rclone('copyto', 'late', 'S:photos/late');
  t.is(await use.aws('s3', 'cp', 's3://photos/late', '-'), 'late');
});
