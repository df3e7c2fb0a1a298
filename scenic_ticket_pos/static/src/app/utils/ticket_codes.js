/* global ZXing */

/**
 * The two codes of a ticket as SVG images. Drawn in the browser, so that an order list full of
 * tickets costs the server nothing; as vectors, so that they stay sharp on a printer of any
 * resolution. Sizes are whole pixels per module: a receipt printer turns the receipt into dots,
 * and below these sizes the codes do not survive it.
 */

export const QR_MODULE = 6;
export const QR_QUIET_ZONE = 4;
export const BAR_MODULE = 3;
export const BAR_QUIET_ZONE = 7;
export const BAR_HEIGHT = 96;

const START_C = 105;
const STOP = "2331112";

// Widths of bar, space, bar, space, bar, space for the symbols 0 to 105 of Code 128.
const WIDTHS =
    "212222222122222221121223121322131222122213122312132212221213221312231212112232" +
    "122132122231113222123122123221223211221132221231213212223112312131311222321122" +
    "321221312212322112322211212123212321232121111323131123131321112313132113132311" +
    "211313231113231311112133112331132131113123113321133121313121211331231131213113" +
    "213311213131311123311321331121312113312311332111314111221411431111111224111422" +
    "121124121421141122141221112214112412122114122411142112142211241211221114413111" +
    "241112134111111242121142121241114212124112124211411212421112421211212141214121" +
    "412121111143111341131141114113114311411113411311113141114131311141411131211412" +
    "211214211232";

function toDataUrl(svg) {
    return `data:image/svg+xml;base64,${window.btoa(svg)}`;
}

function drawSvg(width, height, path) {
    return toDataUrl(
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
            `viewBox="0 0 ${width} ${height}" shape-rendering="crispEdges">` +
            `<rect width="${width}" height="${height}" fill="#fff"/><path d="${path}"/></svg>`
    );
}

/**
 * @param {string} text
 * @returns {{src: string, width: number, height: number}} QR code at error correction level M
 */
export function qrImage(text) {
    const level = ZXing.QRCodeDecoderErrorCorrectionLevel.M;
    const matrix = ZXing.QRCodeEncoder.encode(text, level).getMatrix();
    const size = (matrix.getWidth() + 2 * QR_QUIET_ZONE) * QR_MODULE;
    let path = "";
    for (let y = 0; y < matrix.getHeight(); y++) {
        for (let x = 0; x < matrix.getWidth(); x++) {
            if (matrix.get(x, y) === 1) {
                const left = (x + QR_QUIET_ZONE) * QR_MODULE;
                const top = (y + QR_QUIET_ZONE) * QR_MODULE;
                path += `M${left} ${top}h${QR_MODULE}v${QR_MODULE}h-${QR_MODULE}z`;
            }
        }
    }
    return { src: drawSvg(size, size, path), width: size, height: size };
}

/**
 * @param {string} digits an even number of digits
 * @returns {{src: string, width: number, height: number}} Code 128, code set C
 */
export function barcodeImage(digits) {
    if (!/^(\d\d)+$/.test(digits)) {
        throw new Error("Code 128-C holds an even number of digits");
    }
    const symbols = [START_C, ...digits.match(/\d\d/g).map(Number)];
    const checksum = symbols.reduce((sum, symbol, index) => sum + symbol * (index || 1), 0) % 103;
    const widths =
        [...symbols, checksum].map((s) => WIDTHS.slice(6 * s, 6 * s + 6)).join("") + STOP;
    let modules = BAR_QUIET_ZONE;
    let path = "";
    [...widths].map(Number).forEach((width, index) => {
        if (index % 2 === 0) {
            const bar = width * BAR_MODULE;
            path += `M${modules * BAR_MODULE} 0h${bar}v${BAR_HEIGHT}h-${bar}z`;
        }
        modules += width;
    });
    const width = (modules + BAR_QUIET_ZONE) * BAR_MODULE;
    return { src: drawSvg(width, BAR_HEIGHT, path), width, height: BAR_HEIGHT };
}
