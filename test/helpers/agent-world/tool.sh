#!/bin/sh
# Stands in for the tools of DRBD 8.4 and LVM, which need modules of the kernel: tells what it was called with in
# calls, and keeps what became of it in files next to it.
folder=@FOLDER@
tool=$(basename "$0")
echo "$tool $*" >>"$folder/calls"
state=$folder/$tool.state

drbd() {
  [ "$1" = -c ] && shift 2
  [ "$1" = --peer ] && shift 2
  [ "$1" = -v ] && shift
  case $1 in
    --version) echo 'DRBDADM_VERSION_CODE=0x091600 DRBD_KERNEL_VERSION_CODE=0x08040b' ;;
    sh-dev) echo /dev/loop0 ;; # some block device
    new-minor) echo Secondary/Diskless >"$state" ;;
    attach) echo Secondary/UpToDate >"$state" ;;
    primary) echo Primary/UpToDate >"$state" ;;
    secondary) echo Secondary/UpToDate >"$state" ;;
    down) rm -f "$state" ;;
  esac
}

case $tool in
  drbdadm) drbd "$@" ;;
  drbdsetup)
    state=$folder/drbdadm.state
    if [ "$1" = sh-status ] && [ -e "$state" ]; then
      echo "_minor=0 _res_name=$2 _known=Configured _volume=0 _cstate=WFConnection"
      echo "_role=$(cut -d/ -f1 "$state") _peer=Unknown _disk=$(cut -d/ -f2 "$state") _pdsk=DUnknown"
      echo '_flags_susp= _flags_aftr_isp= _flags_peer_isp= _flags_user_isp= _resynced_percent='
      echo '_sh_status_process'
    fi
    ;;
  vgs)
    case $* in
      *lv_count*) echo 1 ;;
      *attr*) echo wz--n- ;;
      *tags*) cat "$folder/vgchange.state" 2>/dev/null ;;
    esac
    ;;
  vgchange)
    case $* in
      *--addtag*) echo pacemaker >"$state" ;;
      *--deltag*) rm -f "$state" ;;
    esac
    ;;
  lvchange)
    case $* in
      *-ay*) : >"$state" ;;
      *-an*) rm -f "$state" ;;
    esac
    ;;
  dmsetup) if [ -e "$folder/lvchange.state" ]; then echo 'vg0-lv0:253:0:L--w:0:1:0:LVM-x'; else echo 'No devices found'; fi ;;
  lvm) echo 'volume_list=["system"]' ;;
esac
exit 0
