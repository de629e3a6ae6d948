/** The part of noVNC that is used (its docs/API.md), and what is overridden (`rfb.ts`). */
declare module "@novnc/novnc" {
  interface Events {
    connect: CustomEvent<object>;
    clipboard: CustomEvent<{ text: string }>;
    desktopname: CustomEvent<{ name: string }>;
    credentialsrequired: CustomEvent<{ types: string[] }>;
    securityfailure: CustomEvent<{ status: number; reason?: string }>;
    /** Ours. */
    oversize: CustomEvent<null>;
  }

  export default class RFB {
    constructor(target: HTMLElement, channel: WebSocket, options?: { shared?: boolean });
    resizeSession: boolean;
    scaleViewport: boolean;
    background: string;
    addEventListener<E extends keyof Events>(name: E, act: (event: Events[E]) => void): void;
    clipboardPasteFrom(text: string): void;
    sendKey(keysym: number, code: string | null, down?: boolean): void;
    disconnect(): void;
    focus(options?: FocusOptions): void;
    blur(): void;
    dispatchEvent(event: CustomEvent): boolean;
    _resize(width: number, height: number): void;
    _handleServerCutText(): boolean;
  }
}

/** Its `core/inflator.js` (`vite.config.ts`). */
declare module "novnc-inflator" {
  export default class Inflator {
    setInput(data: Uint8Array | null): void;
    inflate(expectedBytes: number): Uint8Array;
  }
}
