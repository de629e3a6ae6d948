import type { ReactNode } from "react";
import { Dialog, Heading, Modal as AriaModal, ModalOverlay } from "react-aria-components";

interface Props {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  /** For what must not be closed by the way. */
  isAlert?: boolean;
  children: ReactNode;
}

export function Modal({ title, isOpen, onClose, isAlert = false, children }: Props) {
  return (
    <ModalOverlay
      className="veil"
      isOpen={isOpen}
      onOpenChange={(opens) => !opens && onClose()}
      isDismissable={!isAlert}
    >
      <AriaModal>
        <Dialog className="dialog" role={isAlert ? "alertdialog" : "dialog"}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
        </Dialog>
      </AriaModal>
    </ModalOverlay>
  );
}
