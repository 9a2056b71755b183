export type EmailMessage = {
  /** One address: of two, one could be refused and the other not. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Beside the text, for those who are shown it. */
  readonly html?: string;
  /** Where answers go. */
  readonly replyTo?: string;
  /** `https:` (with one click, RFC 8058) or `mailto:`. */
  readonly unsubscribe?: URL;
};

export type Mail = {
  readonly from: { readonly name: string; readonly address: string };
  readonly to: { readonly name: string; readonly address: string };
  readonly envelope: { readonly from: string; readonly to: string };
  readonly messageId: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
  readonly replyTo?: { readonly name: string; readonly address: string };
  readonly headers: Record<string, string>;
};

/** One mailbox as people have them: no quotes, no comments, no list, nothing that could end a line (RFC 5321, 4.1.2, less what nobody uses). */
const addressRule = /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+)*@[\p{L}\p{N}]([\p{L}\p{N}.-]*[\p{L}\p{N}])?$/u;
const addressChars = 254;

/** What is handed to the SMTP client. A field of a record can end no header: addresses are addresses, a subject is one line. @throws {RangeError} */
export function mailOf(
  { to, subject, text, html, replyTo, unsubscribe }: EmailMessage,
  { from, messageId }: { readonly from: Mail["from"]; readonly messageId: string },
): Mail {
  for (const address of [to, ...(replyTo === undefined ? [] : [replyTo])]) checkAddress(address);
  return {
    from,
    to: { name: "", address: to },
    envelope: { from: from.address, to },
    messageId,
    subject: lineOf(subject),
    text,
    ...(html === undefined ? {} : { html }),
    ...(replyTo === undefined ? {} : { replyTo: { name: "", address: replyTo } }),
    headers: {
      // Nobody who is away answers to a machine (RFC 3834).
      "Auto-Submitted": "auto-generated",
      ...(unsubscribe === undefined ? {} : unsubscribeHeaders(unsubscribe)),
    },
  };
}

/** @throws {RangeError} when it is not one address */
export function checkAddress(address: string): void {
  if (address.length > addressChars || !addressRule.test(address)) throw new RangeError("this is not the address of one mailbox");
}

function lineOf(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
}

function unsubscribeHeaders({ protocol, href }: URL): Record<string, string> {
  if (!["https:", "mailto:"].includes(protocol) || /[<>,\s]/.test(href))
    throw new RangeError("who unsubscribes does so by https: or mailto:");
  return {
    "List-Unsubscribe": `<${href}>`,
    ...(protocol === "https:" ? { "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" } : {}),
  };
}
