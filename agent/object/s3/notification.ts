/** Who is told of changes of a bucket's objects. Delivery is `../events/deliver.ts`. */
import type { ApiAnswer } from '../../http/port.ts';
import { makeQueues, putTestEvents, retireQueues } from '../events/event-queues.ts';
import type { EventRule } from '../events/event-rule.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { changeSettings, openBucket } from './bucket-access.ts';
import { notificationText, parseNotifications } from './notification-words.ts';
import { readXml } from './xml-reader.ts';

export const getNotifications = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { row } = await openBucket(context, ask, {
    name: 's3:GetBucketNotification',
    use: 'readContainer',
  });
  return xmlAnswer(notificationText(row.bucket?.events ?? []));
};

/** No rules: from then on nobody is told. */
export const putNotifications = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { records, runtime, delivery } = context;
  const rules = parseNotifications(await readXml(ask, 'NotificationConfiguration'), delivery.hasHook);
  const bucket = await openBucket(context, ask, { name: 's3:PutBucketNotification', use: 'writeContainer' });
  const named = { id: bucket.row.id, project: bucket.project, container: bucket.name };
  await makeQueues(records.eventQueues, named, rules);
  let was: readonly EventRule[] = [];
  await changeSettings(context, bucket, (old) => {
    was = old.events ?? [];
    return { events: rules.length === 0 ? undefined : rules };
  });
  const atMs = runtime.clock.wallMs();
  await retireQueues(records.eventQueues, named.id, was, rules, atMs);
  record(context, ask, 'container.notification', { rules: rules.length });
  if (ask.headers['x-amz-skip-destination-validation']?.toLowerCase() !== 'true') {
    const { requestId } = ask;
    for (const queue of await putTestEvents(records.events, named, rules, { requestId, atMs }))
      delivery.wake(queue);
  }
  return {};
};
