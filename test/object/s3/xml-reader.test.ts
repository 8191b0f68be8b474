/** What clients send as XML, and what hostile ones do. */
import test from 'ava';
import { childrenOf, parseXml, readXml, textOf, wantedText } from '../../../agent/object/s3/xml-reader.ts';
import { ShoalError } from '../../../proto/error.ts';

const codeOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (thrown) {
    return thrown instanceof ShoalError ? thrown.details.s3 : thrown;
  }
};

async function* pieces(text: string) {
  yield Buffer.from(text);
}
const bodyOf = (text: string) => ({ body: pieces(text), bytes: undefined, md5: undefined });

test('a document becomes a tree, whatever its prefixes, with its text as it was', (t) => {
  const node = parseXml(
    '<?xml version="1.0"?><s:Delete xmlns:s="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key> a&amp;&#98;</Key>' +
      '</Object><Object><Key><![CDATA[<c>]]></Key></Object><Quiet> true\n</Quiet></s:Delete>',
  );
  t.is(node.name, 'Delete');
  t.deepEqual(
    childrenOf(node, 'Object').map((object) => wantedText(object, 'Key')),
    [' a&b', '<c>'],
  );
  t.is(textOf(node, 'Quiet'), 'true');
  t.is(textOf(node, 'Gone'), undefined);
});

test('entities that multiply, and all other document types, are refused', (t) => {
  const bomb = '<!DOCTYPE a [<!ENTITY b "xxxxxxxxxx"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>';
  t.is(
    codeOf(() => parseXml(bomb)),
    'MalformedXML',
  );
  t.is(
    codeOf(() => parseXml('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>')),
    'MalformedXML',
  );
});

test('what is not well formed, too deep or too much is refused', (t) => {
  for (const text of ['<a>', '<a></b>', '', 'a', '<a/><b/>', '<a>&nope;</a>'])
    t.is(
      codeOf(() => parseXml(text)),
      'MalformedXML',
      text,
    );
  t.is(
    codeOf(() => parseXml('<a>'.repeat(17) + '</a>'.repeat(17))),
    'MalformedXML',
  );
  t.is(
    codeOf(() => parseXml(`<a>${'<b/>'.repeat(70_000)}</a>`)),
    'MalformedXML',
  );
});

test('a body has the wished root, is text, and is no longer than its bound', async (t) => {
  t.is((await readXml(bodyOf('<Tagging/>'), 'Tagging')).name, 'Tagging');
  const refused = async (work: Promise<unknown>) =>
    (await t.throwsAsync(work, { instanceOf: ShoalError }))?.details.s3;
  t.is(await refused(readXml(bodyOf('<Other/>'), 'Tagging')), 'MalformedXML');
  t.is(await refused(readXml(bodyOf(''), 'Tagging')), 'MissingRequestBodyError');
  t.is(await refused(readXml(bodyOf('<Tagging/>'), 'Tagging', 5)), 'MaxMessageLengthExceeded');
});
