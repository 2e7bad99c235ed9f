/*
 * Licensed to the Apache Software Foundation (ASF) under one
 * or more contributor license agreements.  See the NOTICE file
 * distributed with this work for additional information
 * regarding copyright ownership.  The ASF licenses this file
 * to you under the Apache License, Version 2.0 (the
 * "License"); you may not use this file except in compliance
 * with the License.  You may obtain a copy of the License at
 *
 *   http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing,
 * software distributed under the License is distributed on an
 * "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY
 * KIND, either express or implied.  See the License for the
 * specific language governing permissions and limitations
 * under the License.
 */

import { Button, CloseButton, Dialog, Field, Portal, Stack, Text, Textarea } from "@chakra-ui/react";
import { useRef, useState, type ReactNode } from "react";

import { ApiError, newKey } from "src/api/client";
import { RequestFailure } from "src/components/dialog/RequestFailure";
import { MAX_REASON } from "src/lib/limits";

interface Props {
  readonly children?: ReactNode;
  readonly confirm: string;
  /** Why the inputs cannot be sent; undefined if they can. */
  readonly invalid?: string | undefined;
  readonly onClose: () => void;
  /** Make the change; sent again with the same key, it is made once. */
  readonly onSend: (reason: string, key: string) => Promise<void>;
  readonly title: string;
}

/** Asks for a reason and for what its children ask for, and makes a change. */
export const ChangeDialog = ({ children, confirm, invalid, onClose, onSend, title }: Props) => {
  const [reason, setReason] = useState("");
  const [attempted, setAttempted] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<ApiError>();
  const first = useRef<HTMLTextAreaElement | null>(null);
  const [key] = useState(newKey);
  const problem = reason.trim() ? invalid : "Enter a reason.";

  const submit = async () => {
    setAttempted(true);
    if (problem !== undefined) {
      return;
    }
    setBusy(true);
    try {
      await onSend(reason.trim(), key);
    } catch (error) {
      setRefusal(error instanceof ApiError ? error : new ApiError(0, "unexpected", String(error)));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog.Root
      closeOnInteractOutside={false}
      initialFocusEl={() => first.current}
      onOpenChange={({ open }) => (open || busy ? undefined : onClose())}
      open
      scrollBehavior="inside"
      size="lg"
    >
      <Portal>
        <Dialog.Backdrop />
        <Dialog.Positioner>
          <Dialog.Content
            maxH={{ base: "calc(100vh - 1rem)", md: "calc(100vh - 6rem)" }}
            mx={2}
            my={{ base: 2, md: 12 }}
          >
            <Dialog.Header>
              <Dialog.Title>{title}</Dialog.Title>
            </Dialog.Header>
            <Dialog.Body>
              <form
                id="pinning-change"
                noValidate
                onSubmit={(event) => {
                  event.preventDefault();
                  void submit();
                }}
              >
                <Stack gap={4}>
                  {refusal === undefined ? undefined : <RequestFailure error={refusal} seen={-1} />}
                  {children}
                  <Field.Root required>
                    <Field.Label>
                      Reason
                      <Field.RequiredIndicator />
                    </Field.Label>
                    <Textarea
                      maxLength={MAX_REASON}
                      onChange={({ target }) => setReason(target.value)}
                      ref={first}
                      rows={2}
                      value={reason}
                    />
                    <Field.HelperText>Shown in the history.</Field.HelperText>
                  </Field.Root>
                </Stack>
              </form>
            </Dialog.Body>
            <Dialog.Footer flexWrap="wrap">
              {problem === undefined || !attempted ? undefined : (
                <Text color="red.fg" flexGrow={1} fontSize="sm" role="alert">
                  {problem}
                </Text>
              )}
              <Button disabled={busy} onClick={onClose} variant="outline">
                Cancel
              </Button>
              <Button colorPalette="brand" form="pinning-change" loading={busy} type="submit">
                {confirm}
              </Button>
            </Dialog.Footer>
            <Dialog.CloseTrigger asChild>
              <CloseButton aria-label="Close" disabled={busy} size="sm" />
            </Dialog.CloseTrigger>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
};
