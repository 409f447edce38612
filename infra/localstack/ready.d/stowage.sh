#!/bin/bash
# Makes in LocalStack what the application finds on AWS: the storage stack, by CloudFormation from the very template
# that is deployed, and the secret with the database's address. LocalStack runs it after each start, since it keeps
# nothing. Its health check in docker-compose.yml waits for the end of this script.
set -euo pipefail

# Mirrors BUCKET_NAME and TABLE_NAME of the services. `aws cloudformation deploy` would poll every 30 s only.
awslocal cloudformation create-stack --stack-name stowage-local-storage \
  --template-body file:///etc/localstack/stowage/storage.yml \
  --parameters ParameterKey=Environment,ParameterValue=local \
    ParameterKey=BucketName,ParameterValue="$BUCKET_NAME" \
    ParameterKey=TableName,ParameterValue="$TABLE_NAME" \
    ParameterKey=LeaseSeconds,ParameterValue="$LEASE_SECONDS" >/dev/null

awslocal secretsmanager create-secret --name "$DATABASE_SECRET_ID" --secret-string "$DATABASE_URL" >/dev/null

for _ in {1..60}; do
  status=$(awslocal cloudformation describe-stacks --stack-name stowage-local-storage \
    --query 'Stacks[0].StackStatus' --output text)
  case $status in
    CREATE_COMPLETE) exit 0 ;;
    CREATE_IN_PROGRESS) sleep 0.2 ;;
    *) break ;;
  esac
done
echo "the storage stack is $status" >&2
awslocal cloudformation describe-stack-events --stack-name stowage-local-storage \
  --query 'StackEvents[].[LogicalResourceId,ResourceStatus,ResourceStatusReason]' --output text >&2
exit 1
