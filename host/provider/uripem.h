/* The file that stands for a key of the device: PEM around SEQUENCE { VisibleString, UTF8String }.
 */
#ifndef HUFU_HOST_PROVIDER_URIPEM_H
#define HUFU_HOST_PROVIDER_URIPEM_H

#define URIPEM_LABEL     "HUFU KEY URI"
#define URIPEM_STRUCTURE "hufu-uri"
#define URIPEM_NOTE      "Hufu key URI 1.0"

#endif
