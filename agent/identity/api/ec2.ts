/** Tokens for what a key of EC2 or S3 has signed. Only services may ask: a signature in a link shall open no account. */
import { identityRoutes } from '../../../proto/rest/identity.ts';
import type { ApiRequest } from '../../http/port.ts';
import { type IdentityContext, journaled } from '../context.ts';
import type { Ec2 } from '../ec2.ts';
import { type SignedRequest, verifyEc2, verifyS3 } from '../ec2-signature.ts';
import { answerToken } from './auth.ts';

export const serveEc2 = (context: IdentityContext, ec2: Ec2): void => {
  const { http } = context;
  const { ofEc2, ofS3 } = identityRoutes.token;
  const requestIn = ({ body }: Pick<ApiRequest<typeof ofEc2>, 'body'>): SignedRequest =>
    body.credentials ?? body.credential ?? body.ec2Credentials ?? {};

  for (const [route, verify] of [
    [ofEc2, verifyEc2],
    [ofS3, verifyS3],
  ] as const)
    http.serve(route, async (request) => {
      const issued = await journaled(context, request, 'token.issue', 'ec2credential', () =>
        ec2.issue(requestIn(request), verify),
      );
      return answerToken(context, request, issued);
    });
};
