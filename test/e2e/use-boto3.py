"""What programs do with boto3: whole objects, parts, pages, conditions, copies, addresses, deletions. Ends with 0 or says why not.

Usage: use-boto3.py URL OTHER-URL BUCKET; the key is in the environment. What one URL wrote the other reads.
"""
import io
import os
import sys
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

urls, bucket = sys.argv[1:3], sys.argv[3]
s3, other = (
    boto3.client("s3", endpoint_url=url, config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    for url in urls
)
MIB = 1 << 20


def check(holds, what):
    if not holds:
        sys.exit(f"boto3: {what}")


def refused(code, call, **asked):
    try:
        call(**asked)
    except ClientError as error:
        check(error.response["Error"]["Code"] == code, f"{code} was wished, {error} came")
    else:
        sys.exit(f"boto3: {code} was wished, it was done")


s3.create_bucket(Bucket=bucket)
parts = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
big = os.urandom(12 * MIB + 1)
s3.upload_fileobj(io.BytesIO(big), bucket, "dir/big", ExtraArgs={"Metadata": {"reef": "coral"}}, Config=parts)
back = io.BytesIO()
other.download_fileobj(bucket, "dir/big", back, Config=parts)
check(back.getvalue() == big, "other bytes came back")
check(other.head_object(Bucket=bucket, Key="dir/big")["Metadata"] == {"reef": "coral"}, "metadata")
some = other.get_object(Bucket=bucket, Key="dir/big", Range="bytes=5242870-5242890")["Body"].read()
check(some == big[5242870:5242891], "a range over the end of a part")

for number in range(25):
    s3.put_object(Bucket=bucket, Key=f"n/ü +{number:02}", Body=b"x" * number, ChecksumAlgorithm="SHA256")
pages = list(other.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="n/", PaginationConfig={"PageSize": 10}))
check(len(pages) == 3, "three pages")
check([o["Size"] for page in pages for o in page["Contents"]] == list(range(25)), "all names, in order")
folders = other.list_objects_v2(Bucket=bucket, Delimiter="/")["CommonPrefixes"]
check([one["Prefix"] for one in folders] == ["dir/", "n/"], "folders")

s3.copy({"Bucket": bucket, "Key": "dir/big"}, bucket, "copy", Config=parts)
check(other.get_object(Bucket=bucket, Key="copy")["Body"].read() == big, "a copy in parts")
address = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "n/ü +03"}, ExpiresIn=60)
check(urllib.request.urlopen(address).read() == b"xxx", "a signed address")
refused("NoSuchKey", other.get_object, Bucket=bucket, Key="nothing")
refused("BucketNotEmpty", other.delete_bucket, Bucket=bucket)
s3.put_object_tagging(Bucket=bucket, Key="copy", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
check(other.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "a", "Value": "b"}], "tags")

everything = boto3.resource("s3", endpoint_url=urls[1]).Bucket(bucket)
everything.objects.all().delete()
check("Contents" not in s3.list_objects_v2(Bucket=bucket), "all is deleted")
s3.delete_bucket(Bucket=bucket)
