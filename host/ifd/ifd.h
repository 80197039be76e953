/*
 * The interface that pcscd has to a reader's driver (IFD handler 3.0): types and numbers of its
 * binary interface, so that building needs none of its headers.
 */
#ifndef HUFU_IFD_H
#define HUFU_IFD_H

typedef unsigned long DWORD;
typedef long RESPONSECODE;

/* Where an APDU comes from and goes to: the protocol in use. */
struct scard_io_header {
    DWORD protocol, length;
};

enum {
    IFD_SUCCESS = 0,
    IFD_ERROR_TAG = 600,
    IFD_ERROR_VALUE_READ_ONLY = 602,
    IFD_PROTOCOL_NOT_SUPPORTED = 607,
    IFD_ERROR_POWER_ACTION = 608,
    IFD_COMMUNICATION_ERROR = 612,
    IFD_RESPONSE_TIMEOUT = 613,
    IFD_NOT_SUPPORTED = 614,
    IFD_ICC_PRESENT = 615,
    IFD_ICC_NOT_PRESENT = 616,
    IFD_NO_SUCH_DEVICE = 617,
    IFD_ERROR_INSUFFICIENT_BUFFER = 618
};

enum { IFD_POWER_UP = 500, IFD_POWER_DOWN = 501, IFD_RESET = 502 };

enum {
    TAG_IFD_SLOT_THREAD_SAFE = 0x0FAC,
    TAG_IFD_THREAD_SAFE = 0x0FAD,
    TAG_IFD_SLOTS_NUMBER = 0x0FAE,
    TAG_IFD_SIMULTANEOUS_ACCESS = 0x0FAF,
    TAG_IFD_STOP_POLLING_THREAD = 0x0FB2,
    TAG_IFD_POLLING_THREAD_WITH_TIMEOUT = 0x0FB3,
    TAG_IFD_ATR = 0x0303
};

enum {
    ATTR_VENDOR_NAME = 0x00010100,
    ATTR_VENDOR_IFD_VERSION = 0x00010102,
    ATTR_ICC_PRESENCE = 0x00090300,
    ATTR_ICC_INTERFACE_STATUS = 0x00090301,
    ATTR_ATR_STRING = 0x00090303,
    ATTR_MAXINPUT = 0x0007A007
};

/* Control codes and tags of PC/SC part 10. */
enum {
    CONTROL_FEATURES = 0x42000000 + 3400,
    CONTROL_PROPERTIES = 0x42330012,
    FEATURE_PROPERTIES = 0x12,
    PROPERTY_MAX_APDU_DATA = 0x0A
};

enum { PROTOCOL_T1 = 2 };

#define IFD_API __attribute__((visibility("default")))

IFD_API RESPONSECODE IFDHCreateChannelByName(DWORD lun, char *name);
IFD_API RESPONSECODE IFDHCreateChannel(DWORD lun, DWORD channel);
IFD_API RESPONSECODE IFDHCloseChannel(DWORD lun);
IFD_API RESPONSECODE IFDHGetCapabilities(DWORD lun, DWORD tag, DWORD *length, unsigned char *value);
IFD_API RESPONSECODE IFDHSetCapabilities(DWORD lun, DWORD tag, DWORD length, unsigned char *value);
IFD_API RESPONSECODE IFDHSetProtocolParameters(DWORD lun, DWORD protocol, unsigned char flags,
                                               unsigned char pts1, unsigned char pts2,
                                               unsigned char pts3);
IFD_API RESPONSECODE IFDHPowerICC(DWORD lun, DWORD action, unsigned char *atr, DWORD *atr_length);
IFD_API RESPONSECODE IFDHTransmitToICC(DWORD lun, struct scard_io_header send,
                                       unsigned char *command, DWORD command_length,
                                       unsigned char *response, DWORD *response_length,
                                       struct scard_io_header *receive);
IFD_API RESPONSECODE IFDHControl(DWORD lun, DWORD code, unsigned char *in, DWORD in_length,
                                 unsigned char *out, DWORD out_room, DWORD *out_length);
IFD_API RESPONSECODE IFDHICCPresence(DWORD lun);

#endif
