/** An access list as XML. Of one that does not say what the owner has, that is FULL_CONTROL. */
import { type AclGrant, type Permission, permissions } from '../acl-grant.ts';
import { type Acl, checkCount, granteeOf, uriOf } from './acl-request.ts';
import { ownerXml } from './bucket.ts';
import { s3Error } from './s3-error.ts';
import { element, root, type Xml } from './xml.ts';
import { childOf, childrenOf, textOf, type XmlNode } from './xml-reader.ts';

const schema = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';

export const grantXml = ({ to, permission }: AclGrant): Xml =>
  element('Grant', [
    'group' in to
      ? element('Grantee', [element('URI', uriOf(to.group))], ` ${schema} xsi:type="Group"`)
      : element(
          'Grantee',
          [element('ID', to.project), element('DisplayName', to.project)],
          ` ${schema} xsi:type="CanonicalUser"`,
        ),
    element('Permission', permission),
  ]);

export const aclXml = (
  project: string,
  more: readonly AclGrant[],
  { grants = [], grantsAreAll }: Partial<Acl> = {},
): string => {
  const own = grantsAreAll ? [] : [{ to: { project }, permission: 'FULL_CONTROL' } as const];
  const all = [...more, ...grants, ...own];
  // Groups first, as Ceph tells them; to S3 the order means nothing.
  const ordered = [...all.filter(({ to }) => 'group' in to), ...all.filter(({ to }) => 'project' in to)];
  return root('AccessControlPolicy', [
    ownerXml(project),
    element('AccessControlList', ordered.map(grantXml)),
  ]);
};

const malformed = (): never => {
  throw s3Error('MalformedACLError');
};

export const readGrant = (node: XmlNode): AclGrant => {
  const grantee = childOf(node, 'Grantee') ?? malformed();
  const permission: Permission = permissions.find((one) => one === textOf(node, 'Permission')) ?? malformed();
  const [id, uri, mail] = ['ID', 'URI', 'EmailAddress'].map((name) => textOf(grantee, name));
  if (mail !== undefined) return { to: granteeOf('emailaddress', mail), permission };
  if (uri !== undefined) return { to: granteeOf('uri', uri), permission };
  return { to: granteeOf('id', id ?? malformed()), permission };
};

/** Throws MalformedACLError, AccessDenied where it names another owner. */
export const readAcl = (node: XmlNode, project: string): readonly AclGrant[] => {
  const owner = childOf(node, 'Owner');
  const list = childOf(node, 'AccessControlList') ?? malformed();
  if (owner && textOf(owner, 'ID') !== project) throw s3Error('AccessDenied');
  const grants = childrenOf(list, 'Grant').map(readGrant);
  return checkCount(grants);
};
