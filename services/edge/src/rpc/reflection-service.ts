import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { ServerReflection } from '@millrace/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionAlpha } from '@millrace/contracts/grpc/reflection/v1alpha/reflection';
import { PUBLIC_MAX_BYTES } from './call-body.ts';
import { withIdleDeadline } from './deadline.ts';

/** Both versions of the protocol; they differ in name only. */
const REFLECTION_SERVICES: readonly DescService[] = [ServerReflection, ServerReflectionAlpha];

/** Questions in a stream. */
const MAX_QUESTIONS = 1_000;

/** The part of a request that both versions have in common. */
type Question =
  | { case: 'fileByFilename' | 'fileContainingSymbol' | 'allExtensionNumbersOfType'; value: string }
  | { case: 'listServices'; value: string }
  | { case: 'fileContainingExtension'; value: { containingType: string; extensionNumber: number } }
  | { case: undefined; value?: undefined };

/** The part of an answer that both versions have in common. */
type Answer =
  | { case: 'fileDescriptorResponse'; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: 'allExtensionNumbersResponse'; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: 'listServicesResponse'; value: { service: { name: string }[] } }
  | { case: 'errorResponse'; value: { errorCode: number; errorMessage: string } };

/** Lets tools such as grpcurl and `buf curl` learn the services. Not for production: it shows the whole surface. */
export function addReflection(
  router: ConnectRouter,
  services: readonly DescService[],
  limits: { streamIdleMs: number },
): void {
  const index = createDescriptorIndex([...services, ...REFLECTION_SERVICES]);
  router.service(
    ServerReflection,
    {
      serverReflectionInfo: (requests) => answerAll(index, withIdleDeadline(requests, limits.streamIdleMs)),
    },
    { readMaxBytes: PUBLIC_MAX_BYTES },
  );
  router.service(
    ServerReflectionAlpha,
    {
      serverReflectionInfo: (requests) => answerAll(index, withIdleDeadline(requests, limits.streamIdleMs)),
    },
    { readMaxBytes: PUBLIC_MAX_BYTES },
  );
}

async function* answerAll<Request extends { host: string; messageRequest: Question }>(
  index: DescriptorIndex,
  requests: AsyncIterable<Request>,
) {
  const sent = new Set<DescFile>();
  let questions = 0;
  for await (const request of requests) {
    if (++questions > MAX_QUESTIONS) {
      throw new ConnectError(`a stream has at most ${MAX_QUESTIONS} questions`, Code.ResourceExhausted);
    }
    yield {
      validHost: request.host,
      originalRequest: request,
      messageResponse: answer(index, request.messageRequest, sent),
    };
  }
}

function answer(index: DescriptorIndex, question: Question, sent: Set<DescFile>): Answer {
  switch (question.case) {
    case 'listServices':
      return {
        case: 'listServicesResponse',
        value: { service: index.serviceNames.map((name) => ({ name })) },
      };
    case 'fileByFilename':
      return files(index, index.fileByName(question.value), sent, question.value);
    case 'fileContainingSymbol':
      return files(index, index.fileOfSymbol(question.value), sent, question.value);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value;
      const file = index.fileOfExtension(containingType, extensionNumber);
      return files(index, file, sent, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      const numbers = index.extensionNumbers(question.value);
      if (!numbers) return refusal(Code.NotFound, `not found: ${question.value}`);
      return {
        case: 'allExtensionNumbersResponse',
        value: { baseTypeName: question.value, extensionNumber: [...numbers] },
      };
    }
    case undefined:
      return refusal(Code.InvalidArgument, 'the request asks nothing');
  }
}

/** The file, and of what it imports everything that this stream hasn't been sent yet. */
function files(
  index: DescriptorIndex,
  file: DescFile | undefined,
  sent: Set<DescFile>,
  asked: string,
): Answer {
  if (!file) return refusal(Code.NotFound, `not found: ${asked}`);
  const queue: DescFile[] = [file];
  const fileDescriptorProto = [index.bytesOf(file)];
  sent.add(file);
  for (const next of queue) {
    for (const dependency of next.dependencies) {
      if (sent.has(dependency)) continue;
      sent.add(dependency);
      fileDescriptorProto.push(index.bytesOf(dependency));
      queue.push(dependency);
    }
  }
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function refusal(errorCode: Code, errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode, errorMessage } };
}

/** What reflection knows of the services' files and of all that they import. */
interface DescriptorIndex {
  /** Full names, in order. */
  readonly serviceNames: readonly string[];
  fileByName(name: string): DescFile | undefined;
  /** The file that declares a service, method, message, field, oneof, enum or value, by full name. */
  fileOfSymbol(symbol: string): DescFile | undefined;
  fileOfExtension(extendee: string, number: number): DescFile | undefined;
  /** Undefined when there is no such message. */
  extensionNumbers(extendee: string): readonly number[] | undefined;
  /** A serialized `google.protobuf.FileDescriptorProto`. */
  bytesOf(file: DescFile): Uint8Array;
}

/** Reads the descriptors once; files are serialized when first asked for. */
function createDescriptorIndex(services: readonly DescService[]): DescriptorIndex {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  const serialized = new Map<DescFile, Uint8Array>();

  const addFile = (file: DescFile): void => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    for (const type of nestedTypes(file)) {
      symbols.set(type.typeName, file);
      if (type.kind === 'message') {
        extensions.set(type.typeName, extensions.get(type.typeName) ?? new Map());
        for (const field of type.fields) symbols.set(`${type.typeName}.${field.name}`, file);
        for (const oneof of type.oneofs) symbols.set(`${type.typeName}.${oneof.name}`, file);
      } else if (type.kind === 'enum') {
        for (const value of type.values) symbols.set(siblingName(type.typeName, value.name), file);
      } else if (type.kind === 'service') {
        for (const method of type.methods) symbols.set(`${type.typeName}.${method.name}`, file);
      } else {
        const numbers = extensions.get(type.extendee.typeName) ?? new Map<number, DescFile>();
        extensions.set(type.extendee.typeName, numbers.set(type.number, file));
      }
    }
    for (const dependency of file.dependencies) addFile(dependency);
  };
  for (const service of services) addFile(service.file);

  return {
    serviceNames: services.map((service) => service.typeName).sort(),
    fileByName: (name) => files.get(name),
    fileOfSymbol: (symbol) => symbols.get(symbol),
    fileOfExtension: (extendee, number) => extensions.get(extendee)?.get(number),
    extensionNumbers(extendee) {
      const numbers = extensions.get(extendee);
      return numbers && [...numbers.keys()].sort((a, b) => a - b);
    },
    bytesOf(file) {
      const known = serialized.get(file);
      if (known) return known;
      const bytes = toBinary(FileDescriptorProtoSchema, file.proto);
      serialized.set(file, bytes);
      return bytes;
    },
  };
}

/** In protobuf an enum's values are named beside it, not within it. */
function siblingName(typeName: string, value: string): string {
  const dot = typeName.lastIndexOf('.');
  return dot === -1 ? value : `${typeName.slice(0, dot)}.${value}`;
}
