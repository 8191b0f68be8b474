/**
 * S3's refusals: its codes, their HTTP statuses, and the XML that carries them. A refusal is a `ShoalError` like any
 * other, with S3's code in its details; what the use cases throw is put into S3's words when it leaves.
 *
 * Codes and statuses: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
import { type ErrorCode, ShoalError } from '../../../proto/error.ts';
import type { Unreadable } from '../../http/http-server.ts';
import type { ApiAnswer, ErrorShape } from '../../http/port.ts';
import { element, xmlDocument, xmlType } from './xml.ts';

const status = (http: number, message: string): { readonly http: number; readonly message: string } => ({
  http,
  message,
});

/** Status and the sentence that is said where nothing better is known. */
export const s3Codes = {
  AccessControlListNotSupported: status(400, 'The bucket does not allow ACLs'),
  AccessDenied: status(403, 'Access Denied'),
  AccessForbidden: status(403, 'Access forbidden'),
  AuthorizationHeaderMalformed: status(400, 'The authorization header that you provided is not valid.'),
  AuthorizationQueryParametersError: status(400, 'The authorization query parameters are not valid.'),
  BadDigest: status(400, 'The Content-MD5 you specified did not match what we received.'),
  BadRequest: status(400, 'An error occurred when parsing the HTTP request.'),
  BucketAlreadyExists: status(409, 'The requested bucket name is not available.'),
  BucketAlreadyOwnedByYou: status(409, 'The bucket that you tried to create already exists, and you own it.'),
  BucketNotEmpty: status(409, 'The bucket that you tried to delete is not empty.'),
  ConditionalRequestConflict: status(409, 'A conflicting operation occurred during this request, try again.'),
  EntityTooLarge: status(400, 'Your proposed upload exceeds the maximum allowed object size.'),
  EntityTooSmall: status(400, 'Your proposed upload is smaller than the minimum allowed object size.'),
  ExpiredToken: status(400, 'The provided token has expired.'),
  IncompleteBody: status(
    400,
    'You did not provide the number of bytes specified by the Content-Length HTTP header',
  ),
  InternalError: status(500, 'An internal error occurred. Try again.'),
  InvalidAccessKeyId: status(403, 'The AWS access key ID that you provided does not exist in our records.'),
  InvalidArgument: status(400, 'Invalid Argument'),
  InvalidBucketAclWithObjectOwnership: status(
    400,
    'Bucket cannot have ACLs set with ObjectOwnership BucketOwnerEnforced setting',
  ),
  InvalidBucketName: status(400, 'The specified bucket is not valid.'),
  InvalidBucketState: status(409, 'The request is not valid for the current state of the bucket.'),
  InvalidChunkSizeError: status(403, 'Only the last chunk is allowed to have a size less than 8192 bytes'),
  InvalidDigest: status(400, 'The Content-MD5 you specified was invalid.'),
  InvalidEncryptionAlgorithmError: status(400, 'The encryption request that you specified is not valid.'),
  InvalidLocationConstraint: status(400, 'The specified location (Region) constraint is not valid.'),
  InvalidPart: status(
    400,
    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
  ),
  InvalidPartOrder: status(400, 'The list of parts was not in ascending order.'),
  InvalidPartNumber: status(416, 'The requested partnumber is not satisfiable'),
  InvalidPolicyDocument: status(400, 'The content of the form does not meet the conditions of the policy.'),
  InvalidRange: status(416, 'The requested range cannot be satisfied.'),
  InvalidRedirectLocation: status(
    400,
    "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
  ),
  InvalidRequest: status(400, 'Invalid Request'),
  InvalidSecurity: status(403, 'The provided security credentials are not valid.'),
  InvalidStorageClass: status(400, 'The storage class that you specified is not valid.'),
  InvalidTag: status(400, 'The tag that you provided is not valid.'),
  InvalidTargetBucketForLogging: status(
    400,
    'The target bucket for logging does not exist, is not owned by you, or does not let the log-delivery group in.',
  ),
  InvalidURI: status(400, 'The specified URI could not be parsed.'),
  KeyTooLongError: status(400, 'Your key is too long.'),
  MalformedACLError: status(400, 'The ACL that you provided was not well formed or did not validate.'),
  MalformedPOSTRequest: status(400, 'The body of your POST request is not well-formed multipart/form-data.'),
  MalformedPolicy: status(400, 'Policies must be valid JSON.'),
  MalformedTrailerError: status(
    400,
    'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  ),
  MalformedXML: status(
    400,
    'The XML you provided was not well-formed or did not validate against our published schema',
  ),
  MaxMessageLengthExceeded: status(400, 'Your request was too large.'),
  MaxPostPreDataLengthExceededError: status(
    400,
    'Your POST request fields preceding the file were too large.',
  ),
  MetadataTooLarge: status(400, 'Your metadata headers exceed the maximum allowed metadata size.'),
  MethodNotAllowed: status(405, 'The specified method is not allowed against this resource.'),
  MissingContentLength: status(411, 'You must provide the Content-Length HTTP header.'),
  MissingRequestBodyError: status(400, 'Request body is empty.'),
  MissingSecurityHeader: status(400, 'Your request was missing a required header.'),
  NoSuchBucket: status(404, 'The specified bucket does not exist.'),
  NoSuchBucketPolicy: status(404, 'The bucket policy does not exist.'),
  NoSuchCORSConfiguration: status(404, 'The CORS configuration does not exist.'),
  NoSuchKey: status(404, 'The specified key does not exist.'),
  NoSuchLifecycleConfiguration: status(404, 'The lifecycle configuration does not exist.'),
  NoSuchObjectLockConfiguration: status(404, 'The object does not have an object lock configuration.'),
  NoSuchPublicAccessBlockConfiguration: status(404, 'The public access block configuration was not found.'),
  NoSuchTagSet: status(404, 'There is no tag set associated with the bucket.'),
  NoSuchUpload: status(
    404,
    'The specified multipart upload does not exist. It might have been aborted or completed.',
  ),
  NoSuchVersion: status(404, 'The version ID that you specified does not exist.'),
  NoSuchWebsiteConfiguration: status(404, 'The specified bucket does not have a website configuration.'),
  NotImplemented: status(501, 'A header that you provided implies functionality that is not implemented.'),
  NotModified: status(304, 'Not Modified'),
  ObjectLockConfigurationNotFoundError: status(
    404,
    'Object Lock configuration does not exist for this bucket',
  ),
  OperationAborted: status(409, 'A conflicting operation is in progress against this resource. Try again.'),
  OwnershipControlsNotFoundError: status(404, 'The bucket ownership controls were not found.'),
  PreconditionFailed: status(412, 'At least one of the preconditions that you specified did not hold.'),
  RequestHeaderSectionTooLarge: status(
    400,
    'Your request header and query parameters used to make the request exceed the maximum allowed size.',
  ),
  ReplicationConfigurationNotFoundError: status(404, 'The replication configuration was not found.'),
  RequestTimeTooSkewed: status(
    403,
    "The difference between the request time and the server's time is too large.",
  ),
  RequestTimeout: status(
    400,
    'Your socket connection to the server was not read from or written to in time.',
  ),
  ServerSideEncryptionConfigurationNotFoundError: status(404, 'No encryption configuration was found.'),
  ServiceUnavailable: status(503, 'Service is unable to handle the request. Try again.'),
  SignatureDoesNotMatch: status(
    403,
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  ),
  SlowDown: status(503, 'Reduce your request rate.'),
  UnexpectedContent: status(400, 'This request contains unsupported content.'),
  TooManyBuckets: status(400, 'You have attempted to create more buckets than are allowed.'),
  UnresolvableGrantByEmailAddress: status(400, 'There is no account with this e-mail address.'),
  XAmzContentChecksumMismatch: status(400, 'The provided checksum does not match what was computed.'),
  XAmzContentSHA256Mismatch: status(
    400,
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  ),
} as const;

export type S3Code = keyof typeof s3Codes;

/** The meaning to the rest of the agent, from the status. */
const meaningOf: Readonly<Record<number, ErrorCode>> = {
  400: 'BAD_REQUEST',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  409: 'CONFLICT',
  411: 'LENGTH_REQUIRED',
  412: 'PRECONDITION_FAILED',
  416: 'RANGE_NOT_SATISFIABLE',
  500: 'INTERNAL',
  501: 'NOT_IMPLEMENTED',
  503: 'BUSY',
};

/** What an error tells beside code and message: elements of its XML, e.g. `BucketName`. */
export type S3Fields = Readonly<Record<string, string>>;

export const s3Error = (
  code: S3Code,
  message: string = s3Codes[code].message,
  {
    fields = {},
    headers = {},
    cause,
  }: { readonly fields?: S3Fields; readonly headers?: S3Fields; readonly cause?: unknown } = {},
): ShoalError =>
  new ShoalError(meaningOf[s3Codes[code].http] ?? 'BAD_REQUEST', message, {
    details: { s3: code, fields, headers },
    ...(cause === undefined ? {} : { cause }),
  });

/** What a use case refused, where the door did not say it better. */
const codeOf: Readonly<Record<ErrorCode, S3Code>> = {
  BAD_REQUEST: 'InvalidArgument',
  NOT_AUTHENTICATED: 'AccessDenied',
  FORBIDDEN: 'AccessDenied',
  NOT_FOUND: 'NoSuchKey',
  METHOD_NOT_ALLOWED: 'MethodNotAllowed',
  NOT_ACCEPTABLE: 'InvalidRequest',
  TIMEOUT: 'ServiceUnavailable',
  CLIENT_TIMEOUT: 'RequestTimeout',
  CONFLICT: 'OperationAborted',
  GONE: 'NoSuchKey',
  LENGTH_REQUIRED: 'MissingContentLength',
  PRECONDITION_FAILED: 'PreconditionFailed',
  TOO_LARGE: 'EntityTooLarge',
  UNSUPPORTED_MEDIA: 'InvalidRequest',
  RANGE_NOT_SATISFIABLE: 'InvalidRange',
  UNPROCESSABLE: 'BadDigest',
  ABORTED: 'IncompleteBody',
  INTERNAL: 'InternalError',
  DAMAGED: 'InternalError',
  NOT_IMPLEMENTED: 'NotImplemented',
  QUORUM_MISSED: 'ServiceUnavailable',
  UNREACHABLE: 'ServiceUnavailable',
  BUSY: 'SlowDown',
  CONTENDED: 'SlowDown',
  RATE_LIMITED: 'SlowDown',
  STALE_LAYOUT: 'ServiceUnavailable',
  RANGE_MOVED: 'ServiceUnavailable',
  NO_CAPACITY: 'ServiceUnavailable',
  DISK_FULL: 'ServiceUnavailable',
  NOT_ON_ROSTER: 'AccessDenied',
  INVITE_REFUSED: 'AccessDenied',
};

const isS3Code = (code: unknown): code is S3Code => typeof code === 'string' && Object.hasOwn(s3Codes, code);

export const s3CodeOf = (error: ShoalError): S3Code =>
  isS3Code(error.details.s3) ? error.details.s3 : codeOf[error.code];

const errorXml = (code: S3Code, message: string, fields: S3Fields): string =>
  xmlDocument(
    element('Error', [
      element('Code', code),
      element('Message', message),
      ...Object.entries(fields).map(([name, value]) => element(name, value)),
    ]),
  );

/** Of what is no request. */
export const unreadableAnswer = (kind: Unreadable, requestId: string) => {
  const code = {
    malformed: 'BadRequest',
    tooLarge: 'RequestHeaderSectionTooLarge',
    slow: 'RequestTimeout',
  } as const;
  const { http: status, message } = s3Codes[code[kind]];
  const headers = { 'Content-Type': xmlType, 'x-amz-request-id': requestId };
  return {
    status,
    headers,
    body: errorXml(code[kind], message, { RequestId: requestId, HostId: requestId }),
  };
};

/** The element `Error` of a refusal, as it also stands in answers that list several. */
export const s3Errors: ErrorShape = (error, { requestId, path }): ApiAnswer => {
  const code = s3CodeOf(error);
  const { http } = s3Codes[code];
  const { fields, headers } = error.details as { fields?: S3Fields; headers?: S3Fields };
  const body = errorXml(code, error.message, {
    ...fields,
    Resource: path,
    RequestId: requestId,
    HostId: requestId,
  });
  return { status: http, headers: { 'Content-Type': xmlType, ...headers }, body };
};
