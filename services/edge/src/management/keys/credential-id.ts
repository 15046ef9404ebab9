const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a text can be a credential's id at all; others are answered as one that the workspace doesn't have. */
export function mayBeCredentialId(text: string): boolean {
  return UUID.test(text);
}
