/**
 * An event that waits for its delivery, and what is sent of it.
 *
 *   object-event         rows      incarnation/webhook / sequencer/host/rule   an event
 *   object-event-queue   register  "queues" / incarnation/webhook              a queue of them, and which host empties it
 *
 * A queue for each bucket and webhook: one that does not answer holds up no other. The sequencer is the stamp with which
 * the object's row was written, so events of one object sort as its changes did, whichever hosts made them.
 */
import type { Uuid } from '../../../proto/ids.ts';
import type { Stamp } from '../../../proto/stamp.ts';
import type { EventName } from './event-rule.ts';

export interface EventRow {
  /** Absent: a test of the destination, about no object. */
  readonly name?: EventName;
  readonly atMs: number;
  readonly project: string;
  readonly bucket: string;
  readonly key: string;
  readonly ruleId: string;
  /** Of the change, and of this row. */
  readonly stamp: Stamp;
  readonly bytes?: number;
  readonly etag?: string;
  readonly versionId?: string;
  /** Who did it: null where it was nobody who is known, or the agent itself. */
  readonly userId: string | null;
  readonly address: string;
  readonly requestId: string;
}

export interface EventQueueRow {
  readonly project: string;
  readonly container: string;
  readonly hook: string;
  /** Who empties it: a token of the host's own, and until when others keep away. */
  readonly holder?: string | undefined;
  readonly untilMs?: number | undefined;
  /** Since when no rule of its bucket has needed it. */
  readonly unusedSinceMs?: number | undefined;
}

export const eventQueueGroup = 'queues';
export const eventQueueKey = (incarnation: Uuid, hook: string): string => `${incarnation}/${hook}`;
export const hookOfQueue = (queue: string): string => queue.slice(queue.indexOf('/') + 1);

/** S3: hexadecimal, the longer one of two is padded on the left. Here all are equally long. */
const sequencerOf = ({ wallMs, count }: Pick<Stamp, 'wallMs' | 'count'>): string =>
  (wallMs.toString(16).padStart(12, '0') + count.toString(16).padStart(9, '0')).toUpperCase();

/** @param rule which one of its bucket's asks for it */
export const eventKey = (stamp: Stamp, rule: number | 'test'): string =>
  `${sequencerOf(stamp)}/${stamp.host}/${rule}`;

/** As S3 does: as a form would send it, but for the slash. */
const encodeKey = (key: string): string =>
  encodeURIComponent(key)
    .replaceAll('%20', '+')
    .replaceAll('%2F', '/')
    .replaceAll(/[!'()]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html */
export const eventText = (row: EventRow, region: string): string => {
  const { name, atMs, bucket, requestId } = row;
  const at = new Date(atMs).toISOString();
  if (name === undefined)
    return JSON.stringify({
      ...{ Service: 'Amazon S3', Event: 's3:TestEvent', Time: at, Bucket: bucket },
      ...{ RequestId: requestId, HostId: requestId },
    });
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: region,
    eventTime: at,
    eventName: name,
    userIdentity: { principalId: row.userId ?? (requestId === '' ? 's3.amazonaws.com' : 'Anonymous') },
    requestParameters: { sourceIPAddress: row.address },
    responseElements: { 'x-amz-request-id': requestId, 'x-amz-id-2': requestId },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: row.ruleId,
      bucket: {
        name: bucket,
        ownerIdentity: { principalId: row.project },
        arn: `arn:aws:s3:::${bucket}`,
      },
      object: {
        key: encodeKey(row.key),
        ...(row.bytes === undefined ? {} : { size: row.bytes }),
        ...(row.etag === undefined ? {} : { eTag: row.etag }),
        ...(row.versionId === undefined ? {} : { versionId: row.versionId }),
        sequencer: sequencerOf(row.stamp),
      },
    },
  };
  return JSON.stringify({ Records: [record] });
};
