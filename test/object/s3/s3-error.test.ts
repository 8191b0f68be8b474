/** Refusals in S3's words, and the XML that carries them. */
import test from 'ava';
import { s3CodeOf, s3Codes, s3Error, s3Errors } from '../../../agent/object/s3/s3-error.ts';
import { element, optional, root } from '../../../agent/object/s3/xml.ts';
import { ShoalError } from '../../../proto/error.ts';
import type { RequestId } from '../../../proto/ids.ts';

const request = { requestId: 'req-1' as RequestId, method: 'GET', path: '/reef/a&b' };

test('a refusal carries its code, what it tells beside, and the escaped path', (t) => {
  const answer = s3Errors(s3Error('NoSuchBucket', undefined, { fields: { BucketName: 'reef' } }), request);
  t.is(answer.status, 404);
  t.is(
    answer.body,
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchBucket</Code>' +
      '<Message>The specified bucket does not exist.</Message><BucketName>reef</BucketName>' +
      '<Resource>/reef/a&amp;b</Resource><RequestId>req-1</RequestId><HostId>req-1</HostId></Error>',
  );
});

test('what a use case refuses is put into a code of S3', (t) => {
  t.is(s3CodeOf(new ShoalError('NOT_AUTHENTICATED', 'who?')), 'AccessDenied');
  t.is(s3Errors(new ShoalError('QUORUM_MISSED', 'two of three are away'), request).status, 503);
});

test('every code of S3 has an error status', (t) => {
  for (const [code, { http, message }] of Object.entries(s3Codes)) {
    t.true(http >= 300 && http < 600, code);
    t.not(message, '', code);
  }
});

test('text is escaped where it stands in an element, and what XML cannot say is replaced', (t) => {
  t.is(element('Key', 'a<b>&"\r\u0001\ud800\t').xml, '<Key>a&lt;b&gt;&amp;&quot;&#13;\ufffd\ufffd\t</Key>');
  t.is(element('Empty', '').xml, '<Empty/>');
  t.is(
    root('Tagging', [optional('Gone', undefined), optional('N', 0)]),
    '<?xml version="1.0" encoding="UTF-8"?>\n<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><N>0</N></Tagging>',
  );
});
