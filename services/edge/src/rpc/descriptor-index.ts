import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

/** What reflection knows of the services' files and of all that they import. */
export interface DescriptorIndex {
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
export function createDescriptorIndex(services: readonly DescService[]): DescriptorIndex {
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
