/** A bucket's notifications as XML. Pure. */
import { type EventRule, hookOf, isEventPattern } from '../events/event-rule.ts';
import { eventFilterBytesMax, eventRulesMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import { element, optional, root } from './xml.ts';
import { childOf, childrenOf, textOf, wantedText, type XmlNode } from './xml-reader.ts';

const kinds = ['Queue', 'Topic'] as const;
const eventPrefix = 's3:';

const eventOf = (text: string): string => {
  const name = text.trim();
  const pattern = name.startsWith(eventPrefix) ? name.slice(eventPrefix.length) : '';
  if (!isEventPattern(pattern))
    throw s3Error('InvalidArgument', 'A specified event is not supported for notifications.', {
      fields: { ArgumentName: 'Event', ArgumentValue: name.slice(0, 64) },
    });
  return pattern;
};

/** At most one prefix and one suffix. Throws InvalidArgument. */
const filterOf = (node: XmlNode): Pick<EventRule, 'prefix' | 'suffix'> => {
  const found: { prefix?: string; suffix?: string } = {};
  for (const rule of childrenOf(childOf(childOf(node, 'Filter') ?? node, 'S3Key') ?? node, 'FilterRule')) {
    const name = wantedText(rule, 'Name').toLowerCase();
    const value = childOf(rule, 'Value')?.text ?? '';
    if ((name !== 'prefix' && name !== 'suffix') || found[name] !== undefined)
      throw s3Error('InvalidArgument', 'filter rule name must be either prefix or suffix, each once');
    if (Buffer.byteLength(value) > eventFilterBytesMax)
      throw s3Error(
        'InvalidArgument',
        `Size of filter rule value cannot exceed ${eventFilterBytesMax} bytes`,
      );
    found[name] = value;
  }
  return found;
};

const parseRule =
  (kind: EventRule['kind'], hasHook: (name: string) => boolean) =>
  (node: XmlNode, at: number): EventRule => {
    const arn = wantedText(node, kind).trim();
    const hook = hookOf(arn);
    if (hook === undefined || !hasHook(hook))
      throw s3Error('InvalidArgument', 'A specified destination ARN does not exist or is not well-formed.', {
        fields: { ArgumentName: kind, ArgumentValue: arn.slice(0, 128) },
      });
    const events = childrenOf(node, 'Event').map(({ text }) => eventOf(text));
    if (events.length === 0) throw s3Error('MalformedXML');
    return {
      id: textOf(node, 'Id') || `${kind.toLowerCase()}-${at + 1}`,
      ...{ kind, arn, hook, events },
      ...filterOf(node),
    };
  };

/** `NotificationConfiguration`. Throws MalformedXML, InvalidArgument, NotImplemented. */
export const parseNotifications = (
  node: XmlNode,
  hasHook: (name: string) => boolean,
): readonly EventRule[] => {
  const strange = node.children.find(({ name }) => !kinds.some((kind) => name === `${kind}Configuration`));
  if (strange)
    throw s3Error('NotImplemented', `shoal tells webhooks of events, ${strange.name} means something else`);
  const rules = kinds.flatMap((kind) =>
    childrenOf(node, `${kind}Configuration`).map(parseRule(kind, hasHook)),
  );
  if (rules.length > eventRulesMax)
    throw s3Error('InvalidArgument', `At most ${eventRulesMax} notification configurations`);
  if (new Set(rules.map(({ id }) => id)).size < rules.length)
    throw s3Error('InvalidArgument', 'Same ID used for multiple configurations.');
  return rules;
};

export const notificationText = (rules: readonly EventRule[]): string =>
  root(
    'NotificationConfiguration',
    rules.map(({ id, kind, arn, events, prefix, suffix }) => {
      const filters = Object.entries({ prefix, suffix }).flatMap(([name, value]) =>
        value === undefined ? [] : [element('FilterRule', [element('Name', name), element('Value', value)])],
      );
      return element(`${kind}Configuration`, [
        element('Id', id),
        element(kind, arn),
        ...events.map((event) => element('Event', eventPrefix + event)),
        optional('Filter', filters.length === 0 ? undefined : [element('S3Key', filters)]),
      ]);
    }),
  );
