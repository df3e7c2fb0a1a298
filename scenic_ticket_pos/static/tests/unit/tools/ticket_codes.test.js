/* global ZXing */

import { expect, test } from "@odoo/hoot";
import { barcodeImage, qrImage } from "@scenic_ticket_pos/app/utils/ticket_codes";

const TOKEN = `T1${"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".repeat(4)}`;
const DIGITS = "9876543210987654321042";
// What a receipt printer for 80 mm paper has in a row.
const PAPER_DOTS = 512;

/** The numbers of a drawing that only knows M x y, h and v. */
function boxes({ src }) {
    const svg = window.atob(src.split(",")[1]);
    const path = new DOMParser()
        .parseFromString(svg, "image/svg+xml")
        .querySelector("path")
        .getAttribute("d");
    return [...path.matchAll(/M(\d+) (\d+)h(\d+)v(\d+)h-\d+z/g)].map((match) => {
        const [left, top, width, height] = match.slice(1).map(Number);
        return { left, top, right: left + width, bottom: top + height, width, height };
    });
}

/** The picture as a scanner sees it, one byte a dot. */
async function luminances(image) {
    const element = new Image(image.width, image.height);
    element.src = image.src;
    await element.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width;
    canvas.height = image.height;
    const context = canvas.getContext("2d");
    context.drawImage(element, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const source = new ZXing.RGBLuminanceSource(
        Uint8ClampedArray.from({ length: data.length / 4 }, (_, index) => data[4 * index]),
        image.width,
        image.height
    );
    return new ZXing.BinaryBitmap(new ZXing.HybridBinarizer(source));
}

test("the QR code has modules of 6 dots and a quiet zone of 4 modules", () => {
    const image = qrImage(TOKEN);
    expect(image.width).toBe((41 + 2 * 4) * 6);
    expect(image.height).toBe(image.width);
    const drawn = boxes(image);
    expect(drawn).not.toBeEmpty();
    for (const box of drawn) {
        expect([box.width, box.height, box.left % 6, box.top % 6]).toEqual([6, 6, 0, 0]);
    }
    expect(Math.min(...drawn.map(({ left }) => left))).toBe(24);
    expect(Math.min(...drawn.map(({ top }) => top))).toBe(24);
    expect(Math.max(...drawn.map(({ right }) => right))).toBe(image.width - 24);
    expect(Math.max(...drawn.map(({ bottom }) => bottom))).toBe(image.height - 24);
});

test("the barcode of 22 digits has bars of 3 dots and fits the paper", () => {
    const image = barcodeImage(DIGITS);
    expect(image.width).toBe((156 + 2 * 7) * 3);
    expect(image.width).toBeLessThan(PAPER_DOTS);
    const drawn = boxes(image);
    // 13 symbols of three bars and the stop of four
    expect(drawn).toHaveLength(13 * 3 + 4);
    for (const box of drawn) {
        expect([box.width % 3, box.left % 3, box.height]).toEqual([0, 0, image.height]);
    }
    expect(drawn[0].left).toBe(21);
    expect(drawn.at(-1).right).toBe(image.width - 21);
});

test("a scanner reads what was drawn", async () => {
    const qrCode = new ZXing.QRCodeReader().decode(await luminances(qrImage(TOKEN)));
    expect(qrCode.getText()).toBe(TOKEN);
    const barcode = new ZXing.Code128Reader().decode(await luminances(barcodeImage(DIGITS)));
    expect(barcode.getText()).toBe(DIGITS);
});

test("an odd number of digits is refused", () => {
    expect(() => barcodeImage("123")).toThrow(/even number/);
    expect(() => barcodeImage("12a4")).toThrow(/even number/);
});
