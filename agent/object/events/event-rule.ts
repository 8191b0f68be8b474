/** Which changes of a bucket's objects are told to whom. Pure. */

/** What a change is called: S3's names, without their `s3:`. */
export const eventNames = [
  'ObjectCreated:Put',
  'ObjectCreated:Post',
  'ObjectCreated:Copy',
  'ObjectCreated:CompleteMultipartUpload',
  'ObjectRemoved:Delete',
  'ObjectRemoved:DeleteMarkerCreated',
  'LifecycleExpiration:Delete',
  'LifecycleExpiration:DeleteMarkerCreated',
] as const;
export type EventName = (typeof eventNames)[number];

/** Where nobody asks for it, its time has come. */
export const removalName = ({ asker }: { readonly asker?: unknown }, isMarker: boolean): EventName =>
  `${asker ? 'ObjectRemoved' : 'LifecycleExpiration'}:${isMarker ? 'DeleteMarkerCreated' : 'Delete'}`;

/** The last word may be `*`. */
export const isEventPattern = (text: string): boolean =>
  eventNames.some((name) => name === text || text === `${name.split(':')[0]}:*`);

export interface EventRule {
  readonly id: string;
  /** S3 tells two kinds of destination apart, shoal does not; clients want to hear their own word again. */
  readonly kind: 'Queue' | 'Topic';
  /** As it was put. */
  readonly arn: string;
  /** Name of the webhook that the ARN means. */
  readonly hook: string;
  /** Patterns, as S3 writes them but without `s3:`. */
  readonly events: readonly string[];
  readonly prefix?: string | undefined;
  readonly suffix?: string | undefined;
}

export const ruleTells = (
  { events, prefix = '', suffix = '' }: Pick<EventRule, 'events' | 'prefix' | 'suffix'>,
  name: EventName,
  key: string,
): boolean =>
  key.startsWith(prefix) &&
  key.endsWith(suffix) &&
  events.some((pattern) => pattern === name || pattern === `${name.split(':')[0]}:*`);

/**
 * The webhook that an ARN names; undefined: it is none. `arn:shoal:sqs:REGION:NAME:webhook`, and `arn:minio:` for who comes
 * from there. Any region is taken, none too: there is one place.
 */
export const hookOf = (arn: string): string | undefined =>
  /^arn:(?:shoal|minio):sqs:[\w-]*:([\w.-]{1,64}):webhook$/.exec(arn)?.[1];
