/** Events of a real cloud reach a real receiver, whoever is killed between an upload and its delivery. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import test from 'ava';
import { receiver } from '../object/events/receiver.ts';
import { eventually, startCloud } from './cloud.ts';

/** The others look every 30 s, and a queue that a dead host holds is theirs after 45 s. */
const takenOverMs = 120_000;

test('a host is killed after it answered: another delivers its events once the receiver is up', async (t) => {
  t.timeout(600_000);
  const hook = await receiver(t);
  const cloud = await startCloud(3);
  t.teardown(() => cloud.stop());
  const hosts = await cloud.hosts();
  for (const { dataDir } of hosts) {
    const file = join(dataDir, 'config.json');
    const config = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...config, webhooks: [{ name: 'reef', url: hook.url }] }));
  }
  await cloud.shoalOk('dev', 'down');
  await cloud.shoalOk('dev', 'up', '--detach');
  const key = parseEnv(await readFile(join(cloud.directory, 's3.env'), 'utf8'));
  const credentials = {
    accessKeyId: key.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: key.AWS_SECRET_ACCESS_KEY ?? '',
  };
  const [first, second] = hosts.map(
    ({ s3Url: endpoint }) =>
      new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true }),
  );
  if (!first || !second) throw new Error('there are three hosts');
  t.teardown(() => {
    first.destroy();
    second.destroy();
  });
  await first.send(new CreateBucketCommand({ Bucket: 'told' }));
  await first.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: 'told',
      NotificationConfiguration: {
        QueueConfigurations: [
          { QueueArn: 'arn:shoal:sqs::reef:webhook', Events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'] },
        ],
      },
    }),
  );
  await eventually('the destination is tested', 10_000, async () => hook.received.length === 1);
  await second.send(new PutObjectCommand({ Bucket: 'told', Key: 'at-once', Body: 'x' }));
  await eventually('an event comes', 10_000, async () => hook.told().length === 1);

  await hook.down();
  for (let number = 0; number < 10; number++)
    await second.send(new PutObjectCommand({ Bucket: 'told', Key: String(number), Body: 'x' }));
  await second.send(new DeleteObjectCommand({ Bucket: 'told', Key: '0' }));
  await cloud.shoalOk('dev', 'kill', 'shoal-2');
  await hook.up();
  const tookMs = await eventually('all events', takenOverMs, async () => new Set(hook.told()).size === 12);
  t.log(`${hook.told().length} deliveries of 12 events, ${tookMs} ms after the receiver was up`);
  t.true(hook.told().includes('ObjectRemoved:Delete 0'));
});
